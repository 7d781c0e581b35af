"""The WSGI application of either tier: `granian --interface wsgi monolith.wsgi:application`."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

import django
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Handler(WSGIHandler):
    """Django's handler, which also answers requests too broken to become a request object."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            return super().__call__(environ, start_response)
        except BadRequest:
            # Raised while the request object is made, before any middleware could answer.
            status = HTTPStatus.BAD_REQUEST
            headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
            start_response(f"{status.value} {status.phrase}", headers)
            return [b'{"type": "about:blank", "title": "Bad Request", "status": 400}']


def load() -> "WSGIApplication":
    """Set Django up, make sure the process holds no more than its tier allows, and return the application.

    Raises TierViolation with every finding, before anything listens.
    """
    django.setup(set_prefix=False)
    from monolith.http.connections import watch_connections
    from monolith.http.static import serving_static
    from monolith.tier_check import check_tier

    check_tier()
    watch_connections()
    application: WSGIApplication = serving_static(Handler())
    return application


application = load()
