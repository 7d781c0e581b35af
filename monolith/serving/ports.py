"""Whether a port can be listened on."""

import errno
import socket

from django.core.management.base import CommandError

from monolith.serving.exit_codes import PORT_TAKEN


def require_free(host: str, port: int, *, option: str) -> None:
    """Make sure that nothing listens on a port of this machine.

    granian's workers share a port (SO_REUSEPORT) and would share it with a stranger's as well, so somebody has to look.
    Raises CommandError that names the port and the option to choose another.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(_explained(host, port, option, error), returncode=PORT_TAKEN) from None


def _explained(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use. End what listens there (`ss -ltnp 'sport = :{port}'` shows it) "
            f"or choose another port with {option}."
        )
    return (
        f"Cannot listen on {host}:{port}: {error.strerror}. Choose another address with --host or {option}."
    )
