"""Which loopback port a server listens on."""

import random
import socket
from typing import Final

# Below what systems hand out to outgoing connections, so that a port that is kept in a file is free again next time.
CHOICE: Final = range(20_000, 32_000)
ATTEMPTS: Final = 200


def free_port() -> int:
    """Return a loopback port that nothing listens on now."""
    for port in random.sample(CHOICE, ATTEMPTS):
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Say whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
