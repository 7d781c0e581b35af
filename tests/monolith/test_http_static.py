"""Static files: from the apps before `collectstatic`, hashed and for ever after it."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.templatetags.static import static
from django.test import RequestFactory

from monolith.http.gateway import Handler
from monolith.http.static import StaticStorage, serving_static


def ask(application: Any, path: str, **environ: str) -> tuple[str, dict[str, str], bytes]:
    """Call a WSGI application; returns status line, headers in lower case and body."""
    started: list[Any] = []
    request = RequestFactory().get(path, headers={"host": "localhost"})
    body: Iterable[bytes] = application(request.environ | environ, lambda *given: started.extend(given))
    content = b"".join(body)
    if close := getattr(body, "close", None):
        close()
    return started[0], {name.lower(): value for name, value in started[1]}, content


def application(environ: object, start_response: Any) -> list[bytes]:
    """Stand in for Django."""
    start_response("404 Not Found", [])
    return [b"django"]


def test_files_come_from_the_apps_before_they_are_collected(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "absent"
    served = serving_static(application)
    status, headers, body = ask(served, "/static/monolith/pages.css")
    assert status.startswith("200")
    assert headers["content-type"].startswith("text/css")
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
    assert b"prefers-color-scheme" in body
    assert static("monolith/pages.css") == "/static/monolith/pages.css"
    assert ask(served, "/static/../settings/base.py")[2] == b"django"
    assert ask(served, "/static/monolith/pages.css", HTTP_IF_NONE_MATCH=headers["etag"])[0].startswith("304")


def test_collected_files_are_hashed_and_kept_for_ever(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    call_command("collectstatic", interactive=False, verbosity=0)
    storage = StaticStorage()
    address = storage.url("monolith/pages.css")
    assert address != "/static/monolith/pages.css"
    served = serving_static(application)
    status, headers, _ = ask(served, address)
    assert status.startswith("200")
    assert "immutable" in headers["cache-control"]
    status, headers, _ = ask(served, address, HTTP_ACCEPT_ENCODING="gzip")
    assert headers["content-encoding"] == "gzip"


def test_everything_else_goes_to_the_application() -> None:
    assert ask(serving_static(application), "/static/nothing.css")[2] == b"django"


def test_a_request_too_broken_for_django_gets_400() -> None:
    environ = RequestFactory().get("/healthz").environ | {
        "CONTENT_TYPE": "x" * 20_000,
        "wsgi.input": io.BytesIO(),
    }
    started: list[Any] = []
    body = Handler()(environ, lambda *given: started.extend(given))
    assert started[0] == "400 Bad Request"
    assert b'"status": 400' in b"".join(body)
