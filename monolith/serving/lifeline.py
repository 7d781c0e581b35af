"""Ending with the process that started us, however it ends, and waiting for its word to begin.

A pipe whose writing end only the parent holds: it reaches its end when the parent is gone, also by SIGKILL, on
every Unix and from the first moment of a child's life. Another one ends when the parent says so.
"""

import logging
import multiprocessing
import os
import signal
import threading
from typing import Final

logger = logging.getLogger("monolith.serving")

GRACE_S: Final = 8.0  # for a server to answer the requests it has when its parent is gone


class Lifeline:
    """The parent's side: children that follow `reader` end when this process does."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()

    def cut(self) -> None:
        """Let go of it; children that are still there end."""
        for descriptor in (self.reader, self._writer):
            os.close(descriptor)


class Gate:
    """What children wait at, loaded and ready, until the parent opens it; once open it stays open."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self._writer: int | None = writer

    def open(self) -> None:
        """Let those go that wait, and those that come later."""
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def close(self) -> None:
        """Let go of it; nobody comes any more."""
        self.open()
        os.close(self.reader)


def wait_at(gate: int) -> None:
    """Wait until the other end of the pipe `gate` is closed."""
    while os.read(gate, 1):
        pass


def follow(reader: int) -> None:
    """End this process, in order if it can, when the other end of the pipe `reader` is gone."""

    def wait() -> None:
        while os.read(reader, 1):
            pass
        logger.warning("the process that started this one is gone; ending")
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(GRACE_S)
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def follow_parent() -> None:
    """End this process, made by `multiprocessing`, at once when its parent is gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
