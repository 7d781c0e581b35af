"""The id that names one request in answers and logs."""

import itertools
import os
import re
import secrets
from typing import Final

from django.http import HttpRequest

HEADER: Final = "X-Request-ID"
_KEY: Final = "monolith.request_id"
# What proxies and tracers send; anything else could smuggle text into a log line.
_SANE: Final = re.compile(r"[A-Za-z0-9._:-]{8,128}")


class _Ids:
    """Makes ids: what is random is drawn once per process, because a draw per request is a system call."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._process = secrets.token_hex(8)
        self._count = itertools.count(1)

    def make(self) -> str:
        return f"{self._process}-{next(self._count):06x}"


_ids = _Ids()
os.register_at_fork(after_in_child=_ids.renew)


def request_id(request: HttpRequest) -> str:
    """Return the caller's X-Request-ID if it is 8 to 128 harmless characters, else an id made for it."""
    meta = request.META
    known: str | None = meta.get(_KEY)
    if known is None:
        given = meta.get("HTTP_X_REQUEST_ID")
        known = given if given and _SANE.fullmatch(given) else _ids.make()
        meta[_KEY] = known
    return known
