"""Django's WSGI handler, made whole."""

from typing import Any

from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.http.response import HttpResponseBase


class Handler(WSGIHandler):
    """Also answers requests too broken to become a request object, which Django 6.1 leaves to the server."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> HttpResponseBase:
        try:
            return super().__call__(environ, start_response)
        except BadRequest:
            response = HttpResponse(
                b'{"type": "about:blank", "title": "Bad Request", "status": 400}',
                status=400,
                content_type="application/problem+json",
                headers={"Cache-Control": "no-store"},
            )
            start_response("400 Bad Request", list(response.items()))
            return response
