"""How many calls to one remote module are under way at once: the bulkhead between it and the rest of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from monolith.contracts.errors import TooManyCalls

PATIENCE_S: Final = 0.25  # to wait for a place: shorter refuses in a rush, longer stops threads others need


class CallLimit:
    """Lets `most` calls be under way. Others wait a moment for a place, and not even that while none becomes free."""

    def __init__(self, module: str, most: int) -> None:
        self._module = module
        self._most = most
        self._places = threading.BoundedSemaphore(most)
        self._is_stuck = False  # nobody left since somebody waited in vain

    @contextmanager
    def place(self, operation: str, *, wait_s: float = PATIENCE_S) -> Iterator[None]:
        """Count the block as one call. Raises TooManyCalls."""
        if not self._places.acquire(blocking=False) and (
            self._is_stuck or not self._places.acquire(timeout=min(wait_s, PATIENCE_S))
        ):
            self._is_stuck = True
            raise TooManyCalls(
                operation, f"{self._most} calls to '{self._module}' are under way, the most there may be"
            )
        try:
            yield
        finally:
            self._is_stuck = False
            self._places.release()
