"""How a long tool tells how far it is, and hears that nobody waits for it any more."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.db import connections
from django.db.backends.signals import connection_created

from monolith.context import entering
from monolith.module import PLATFORM
from monolith.tools.errors import ToolCancelled

CANCEL_S: Final = 2.0  # for PostgreSQL to take note
AGAIN_S: Final = 0.5  # after which a statement that has begun meanwhile is ended too
TRIES: Final = 60


class Progress:
    """What a tool is given that has a parameter of this type: `progress.report(3, of=10)`."""

    def __init__(self, tell: Callable[[float, float | None, str], None] | None = None) -> None:
        self._tell = tell
        self._cancelled = threading.Event()
        self._begun = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        # Django's connections that a statement may run on, each with psycopg's that it had; inside of the lock.
        self._running: list[tuple[Any, Any]] = []

    def report(self, done: float, *, of: float | None = None, message: str = "") -> None:
        """Tell how much is done. Raises ToolCancelled, so that the work ends here, when nobody waits any more."""
        self.require_caller()
        if self._tell is not None:
            self._tell(done, of, message)

    def require_caller(self) -> None:
        """Raise ToolCancelled when nobody waits any more."""
        if self._cancelled.is_set():
            raise ToolCancelled("Whoever made this call cancelled it.")

    def mark_cancelled(self) -> None:
        """Let the next report raise ToolCancelled; from any thread."""
        self._cancelled.set()

    def cancel(self) -> None:
        """Mark it as cancelled and end the statement that runs, and those after it; returns when the tool has ended.

        For a thread of its own. Gives up after a while: what neither reports nor asks PostgreSQL runs to its end.
        """
        self.mark_cancelled()
        for _ in range(TRIES):
            with self._lock:
                for connection, raw in self._running:
                    if connection.connection is raw:  # else it was given back, and is somebody else's
                        with suppress(Exception):  # it may have ended by itself, or with its server
                            raw.cancel_safe(timeout=CANCEL_S)
            if self._ended.wait(AGAIN_S):
                return

    def mark_ended(self) -> None:
        """Let `cancel` return; from the tool's thread."""
        self._ended.set()

    @property
    def has_begun(self) -> bool:
        """Say whether there may be a statement to end. One that is cancelled before does not begin."""
        return self._begun.is_set()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let `cancel` end statements of this thread while the block runs, and none before or after it.

        What is kept of the call is written outside of it.
        """
        thread = threading.get_ident()

        def add(connection: Any, **_: Any) -> None:
            if threading.get_ident() == thread:
                with self._lock:
                    self._running.append((connection, connection.connection))

        self._begun.set()
        connection_created.connect(add, weak=False, dispatch_uid=id(self))
        try:
            with entering(PLATFORM):  # the host may look at any connection
                known = connections.all(initialized_only=True)
                open_ = [(each, each.connection) for each in known if each.connection]
            with self._lock:
                self._running += open_
            self.require_caller()
            yield
        finally:
            connection_created.disconnect(dispatch_uid=id(self))
            self.mark_ended()
            with self._lock:  # waits for a cancellation that is on its way: it would hit another statement
                self._running.clear()
