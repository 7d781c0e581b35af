"""How a long tool tells how far it is, and hears that nobody waits for it any more."""

import threading
from collections.abc import Callable

from monolith.tools.errors import ToolCancelled


class Progress:
    """What a tool is given that has a parameter of this type: `progress.report(3, of=10)`."""

    def __init__(self, tell: Callable[[float, float | None, str], None] | None = None) -> None:
        self._tell = tell
        self._cancelled = threading.Event()

    def report(self, done: float, *, of: float | None = None, message: str = "") -> None:
        """Tell how much is done. Raises ToolCancelled, so that the work ends here, when nobody waits any more."""
        if self._cancelled.is_set():
            raise ToolCancelled("the caller cancelled this call")
        if self._tell is not None:
            self._tell(done, of, message)

    def cancel(self) -> None:
        """Let the next report raise ToolCancelled; from any thread."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()
