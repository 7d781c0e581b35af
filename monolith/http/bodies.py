"""Rendered bodies of cacheable reads: the last one of each address, kept per process with its ETag.

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
ENTRY_BYTES: Final = (
    500  # what a kept body takes besides its content and address: many small ones count for what they are
)

type Address = tuple[str, ...]
"""What one answer is asked for by: path, query, and the headers that it varies with."""


@dataclass(frozen=True, slots=True)
class Body:
    """One rendered answer."""

    etag: str
    content: bytes
    content_type: str
    expires: float  # seconds of the clock; a row that changed unseen by the version is shown by then


class Bodies:
    """A bounded store of one body by address; safe to use from several threads."""

    def __init__(
        self, *, max_total_bytes: int = MAX_TOTAL_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_total_bytes = max_total_bytes
        self._clock = clock
        self._bodies: OrderedDict[Address, Body] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def has(self, address: Address) -> bool:
        """Say whether a body is kept for an address, of whichever version and age."""
        return address in self._bodies

    def get(self, address: Address, etag: str) -> Body | None:
        """Return the body of an address; None when none is kept, or of another version, or too old."""
        with self._lock:
            body = self._bodies.get(address)
            if body is None or body.etag != etag or body.expires < self._clock():
                return None
            self._bodies.move_to_end(address)
            return body

    def put(
        self, address: Address, etag: str, content: bytes, *, content_type: str, max_age_s: float
    ) -> None:
        """Keep a body for at most `max_age_s` seconds; one that is too large is not kept."""
        with self._lock:
            if known := self._bodies.pop(address, None):
                self._total -= size_of(address, known.content)
            size = size_of(address, content)
            if len(content) > MAX_BODY_BYTES or size > self._max_total_bytes:
                return
            self._bodies[address] = Body(etag, content, content_type, self._clock() + max_age_s)
            self._total += size
            while self._total > self._max_total_bytes:
                place, oldest = self._bodies.popitem(last=False)
                self._total -= size_of(place, oldest.content)


def size_of(address: Address, content: bytes) -> int:
    """Return how many bytes a kept body is counted as."""
    return ENTRY_BYTES + len(content) + sum(map(len, address))


BODIES: Final = Bodies()
