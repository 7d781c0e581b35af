"""The id that names one request in answers and logs."""

import re
import secrets
from typing import Final

from django.http import HttpRequest

HEADER: Final = "X-Request-ID"
_KEY: Final = "monolith.request_id"
# What proxies and tracers send; anything else could smuggle text into a log line.
_SANE: Final = re.compile(r"[A-Za-z0-9._:-]{8,128}")


def request_id(request: HttpRequest) -> str:
    """Return the caller's X-Request-ID if it is 8 to 128 harmless characters, else an id made for it."""
    known: str | None = request.META.get(_KEY)
    if known is None:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        known = given if _SANE.fullmatch(given) else secrets.token_hex(12)
        request.META[_KEY] = known
    return known
