"""Static files, served by this process: hashed and for ever once collected, straight from the apps before."""

from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from servestatic import ServeStatic
from servestatic.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # servestatic has no types
    """Hashed names where `collectstatic` has run, plain ones where it has not."""

    manifest_strict = False

    def read_manifest(self) -> str | None:
        if not self.location:
            return None  # no STATIC_ROOT, so nothing was collected
        manifest: str | None = super().read_manifest()
        return manifest

    def stored_name(self, name: str) -> str:
        if not self.hashed_files:
            return name
        stored: str = super().stored_name(name)
        return stored


def serving_static(application: Any) -> ServeStatic:
    """Wrap a WSGI application so that static files never reach it."""
    prefix = settings.STATIC_URL
    static = ServeStatic(
        application,
        autorefresh=False,
        max_age=0 if settings.DEBUG else 60,
        allow_all_origins=False,
        add_headers_function=_add_headers,
    )
    root = settings.STATIC_ROOT
    if root and Path(root).is_dir():
        static.add_files(root, prefix=prefix)
        return static
    for finder in get_finders():
        for path, storage in finder.list(None):
            static.add_file_to_dictionary(f"{prefix}{path}", storage.path(path))
    return static


def _add_headers(headers: Headers, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
