"""This process's pages in a real browser, which records what goes wrong in them."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from playwright.sync_api import Page, sync_playwright

from monolith.http.gateway import Handler
from monolith.http.static import serving_static

# Colours that are on their way to others would be neither; a sheet that is adopted is no business of the policy.
AT_ONCE = """
const still = new CSSStyleSheet();
still.replaceSync("*, ::before, ::after { transition: none !important; animation: none !important; }");
document.adoptedStyleSheets = [still];
"""
WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
});
"""


class Silent(WSGIRequestHandler):
    """Keeps the access log out of the test's output."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent names it so
        return


@contextmanager
def serving() -> Iterator[str]:
    """Serve this process's tier as `monolith.wsgi` does; yields its address."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), Silent)
    server.set_app(serving_static(Handler()))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@contextmanager
def browser(address: str, elsewhere: list[str], complaints: list[str]) -> Iterator[Page]:
    """Open a page that records requests to other hosts and every complaint of the browser."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-background-networking"],
        )
        page = chromium.new_page()
        page.add_init_script(AT_ONCE)
        page.add_init_script(WATCH_POLICY)
        page.on(
            "request", lambda r: None if r.url.startswith((address, "data:")) else elsewhere.append(r.url)
        )
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("requestfailed", lambda r: complaints.append(f"failed: {r.url}"))
        page.on("response", lambda r: complaints.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        chromium.close()


def log_in(page: Page, address: str, user: str, password: str) -> None:
    """Sign in by the admin's form."""
    page.goto(f"{address}/admin/")
    page.fill("#id_username", user)
    page.fill("#id_password", password)
    page.click("[type=submit]")
    page.locator("#user-tools").wait_for()
