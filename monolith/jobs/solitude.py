"""One heavy job at a time on a host, whichever cluster runs it."""

import fcntl
import os
import tempfile
from pathlib import Path


class Solitude:
    """A lock of the kernel on a file that every cluster of this user on this host knows; gone with its process."""

    def __init__(self) -> None:
        self._path = Path(tempfile.gettempdir()) / f"monolith-heavy-{os.getuid()}.lock"
        self._descriptor = -1

    def take(self) -> bool:
        """Take it if it is free."""
        if self._descriptor >= 0:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
