"""Hearing in a worker that it is to end, before its server waits for the requests under way.

Under WSGI a stream that could go on is one of those, and the server kills what has not ended when its time is over.
Python writes a byte to a descriptor whenever a signal comes, whatever handler the server sets and whatever its main
thread does meanwhile.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

_SIGNALS: Final = frozenset({signal.SIGINT, signal.SIGTERM})
_callbacks: list[Callable[[], object]] = []


def on_ending(callback: Callable[[], object]) -> None:
    """Call a function, from another thread, when this process is told to end; nothing where nobody watches."""
    _callbacks.append(callback)


def watch_signals() -> None:
    """Watch for the signals that end this process, from now on. In the main thread."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wait() -> None:
        while received := os.read(reader, 1):
            if received[0] in _SIGNALS:
                for callback in _callbacks:
                    callback()

    threading.Thread(target=wait, name="monolith-ending", daemon=True).start()
