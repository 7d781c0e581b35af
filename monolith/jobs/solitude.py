"""One heavy job at a time on a host, whichever cluster runs it; in containers, in each of them."""

import os
import socket
import sys


class Solitude:
    """A name on this host that one process at a time can have; the kernel takes it back when the process ends.

    An abstract address of unix(7), which is of a network namespace and here of a user: no file stays behind. Other
    systems than Linux have none, and no limit here.
    """

    def __init__(self) -> None:
        self._name = f"\0monolith-heavy-{os.getuid()}"
        self._held: socket.socket | None = None

    def take(self) -> bool:
        """Take it if it is free."""
        if not sys.platform.startswith("linux"):
            return True
        if self._held is None:
            candidate = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                candidate.bind(self._name)
            except OSError:
                candidate.close()
                return False
            self._held = candidate
        return True

    def release(self) -> None:
        """Let go of it."""
        if self._held is not None:
            self._held.close()
            self._held = None
