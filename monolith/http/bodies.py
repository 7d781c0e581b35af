"""Rendered bodies of cacheable reads, kept per process by their ETag.

A strong ETag names one sequence of bytes, so a body that was rendered for it may be sent again. The version
behind the ETag is read from the database on every request; what is saved is fetching, validating and
rendering the same rows again.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_TOTAL_BYTES: Final = 16_000_000  # per process; the least recently used go first
MAX_BODY_BYTES: Final = 256_000  # a larger body would push out too many others


@dataclass(frozen=True, slots=True)
class Body:
    """One rendered answer."""

    content: bytes
    content_type: str
    expires: float  # seconds of the clock; a row that changed unseen by the version is shown by then


class Bodies:
    """A bounded store of bodies by ETag; safe to use from several threads."""

    def __init__(
        self, *, max_total_bytes: int = MAX_TOTAL_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_total_bytes = max_total_bytes
        self._clock = clock
        self._bodies: OrderedDict[str, Body] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, etag: str) -> Body | None:
        """Return the body of an ETag; None when it is not kept or too old."""
        with self._lock:
            body = self._bodies.get(etag)
            if body is None or body.expires < self._clock():
                return None
            self._bodies.move_to_end(etag)
            return body

    def put(self, etag: str, content: bytes, *, content_type: str, max_age_s: float) -> None:
        """Keep a body for at most `max_age_s` seconds; one that is too large is not kept."""
        if len(content) > min(MAX_BODY_BYTES, self._max_total_bytes):
            return
        with self._lock:
            if known := self._bodies.pop(etag, None):
                self._total -= len(known.content)
            self._bodies[etag] = Body(content, content_type, self._clock() + max_age_s)
            self._total += len(content)
            while self._total > self._max_total_bytes:
                _, oldest = self._bodies.popitem(last=False)
                self._total -= len(oldest.content)


BODIES: Final = Bodies()
