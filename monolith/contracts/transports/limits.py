"""How many calls to one remote module are under way at once: the bulkhead between it and the rest of this process."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from monolith.contracts.errors import TooManyCalls

PATIENCE_S: Final = 0.1  # to wait for a place: less refuses in a rush, more stops threads that others need


class CallLimit:
    """Lets `most` calls be under way.

    Others wait for a moment, first come, first served, as long as calls are quick. Once one took longer than that
    moment, or one has waited in vain, they are refused at once, until a quick one has ended: a module that hangs or
    is slow stops no more threads than it has places.
    """

    def __init__(self, module: str, most: int) -> None:
        self._module = module
        self._most = most
        self._free = most
        self._waiting: deque[threading.Event] = deque()
        self._is_quick = True
        self._lock = threading.Lock()

    @contextmanager
    def place(self, operation: str, *, wait_s: float) -> Iterator[None]:
        """Count the block as one call; waits at most `wait_s` seconds. Raises TooManyCalls."""
        if not self._enter(min(wait_s, PATIENCE_S)):
            reason = f"{self._most} calls to '{self._module}' are under way, the most there may be"
            raise TooManyCalls(operation, reason)
        began = time.monotonic()
        try:
            yield
        finally:
            self._leave(is_quick=time.monotonic() - began < PATIENCE_S)

    def _enter(self, wait_s: float) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            if not self._is_quick:
                return False
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(wait_s):
            return True
        with self._lock:
            if turn.is_set():  # in between
                return True
            self._waiting.remove(turn)
            self._is_quick = False
            return False

    def _leave(self, *, is_quick: bool) -> None:
        with self._lock:
            self._is_quick = is_quick
            if self._waiting:
                self._waiting.popleft().set()  # the place is handed over: whoever comes now does not overtake
            else:
                self._free += 1
