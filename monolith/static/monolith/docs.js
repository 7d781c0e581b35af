// Starts Swagger UI from the page's own data, so that the page needs no inline script.
const mount = document.getElementById("swagger-ui");
const configuration = JSON.parse(document.getElementById("configuration").textContent);
const token = mount.dataset.csrf;

SwaggerUIBundle({
  ...configuration,
  domNode: mount,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  requestInterceptor: (request) => {
    if (token) {
      request.headers["X-CSRFToken"] = token;
    }
    return request;
  },
});
