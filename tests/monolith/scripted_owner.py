"""An owner of a module that answers as a test tells it to: well, badly, slowly or not at all."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

type Behaviour = Callable[[socket.socket], None]

CERTIFICATE: Final = Path(__file__).with_name("localhost_of_tests.pem")  # signed by itself, with its key
STEP_S: Final = 0.02  # between two bytes of an owner that trickles


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came."""

    line: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(slots=True)
class ScriptedOwner:
    """What was asked, and what to do next: one behaviour per request, the last of them for all that follow."""

    url: str
    script: list[Behaviour] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def behave(self, *script: Behaviour) -> None:
        self.script[:] = script


def answers(body: bytes, status: str = "200 OK", *headers: str) -> Behaviour:
    """Answer in full and keep the connection."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return lambda connection: connection.sendall("\r\n".join([*head, "", ""]).encode() + body)


def hangs(connection: socket.socket) -> None:
    """Say nothing until the caller has gone."""
    connection.recv(1)


def closes(connection: socket.socket) -> None:
    """Close without a word."""
    connection.shutdown(socket.SHUT_RDWR)


def sends(text: bytes) -> Behaviour:
    """Send exactly this, and close."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(text)
        closes(connection)

    return behave


def trickles(start: bytes) -> Behaviour:
    """Send `start`, then a byte now and then for as long as the caller listens."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(start)
        gone = threading.Event()
        while not gone.wait(STEP_S):
            connection.sendall(b"x")

    return behave


def floods(connection: socket.socket) -> None:
    """Send a body without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


@contextmanager
def scripted_owner(*, tls: bool = False) -> Iterator[ScriptedOwner]:
    """Listen on a free port until the block ends."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
    if context:
        context.load_cert_chain(CERTIFICATE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        owner = ScriptedOwner(f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}")
        open_connections: list[socket.socket] = []
        threads: list[threading.Thread] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    owner.connections += 1
                    open_connections.append(connection)
                    threads.append(threading.Thread(target=_serve, args=(owner, connection, context)))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield owner
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for connection in open_connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def _serve(owner: ScriptedOwner, connection: socket.socket, context: ssl.SSLContext | None) -> None:
    with connection, suppress(OSError):
        if context is None:
            _answer(owner, connection)
        else:
            with context.wrap_socket(connection, server_side=True) as encrypted:
                _answer(owner, encrypted)


def _answer(owner: ScriptedOwner, connection: socket.socket) -> None:
    with connection.makefile("rb") as reader:
        while line := reader.readline():
            headers = {}
            while header := reader.readline().strip():
                name, _, value = header.decode().partition(": ")
                headers[name.lower()] = value
            body = reader.read(int(headers["content-length"]))
            owner.received.append(Received(line.decode().strip(), headers, body))
            behave = owner.script.pop(0) if len(owner.script) > 1 else owner.script[0]
            behave(connection)
