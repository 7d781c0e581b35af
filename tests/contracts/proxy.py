"""A TCP proxy that spoils what passes through it."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

CHUNK: Final = 64 * 1024

type Fault = Callable[[bytes, threading.Event], bytes | None]  # what becomes of an answer's bytes; None: cut


def passed(data: bytes, _ended: threading.Event) -> bytes:
    """Change nothing."""
    return data


def garbled(data: bytes, _ended: threading.Event) -> bytes:
    """Flip every bit but those of line ends."""
    return bytes(byte if byte in b"\r\n" else byte ^ 0xFF for byte in data)


def garbled_bodies(data: bytes, _ended: threading.Event) -> bytes:
    """Flip every bit after the headers."""
    if not data.startswith(b"HTTP/"):
        return garbled(data, _ended)
    head, blank, body = data.partition(b"\r\n\r\n")
    return head + blank + garbled(body, _ended)


def delayed(seconds: float) -> Fault:
    """Bring every answer so much later."""

    def fault(data: bytes, ended: threading.Event) -> bytes:
        ended.wait(seconds)
        return data

    return fault


def cut(_data: bytes, _ended: threading.Event) -> None:
    """Close in the place of an answer, when what was asked for has happened."""


def swallowed(_data: bytes, ended: threading.Event) -> None:
    """Keep the answer, and the connection open."""
    ended.wait()


@dataclass(slots=True)
class Proxy:
    """Where it listens, and what it does to answers from now on."""

    url: str
    target: tuple[str, int]
    fault: Fault = passed
    refuses: bool = False  # closes every connection at once, and those that are open
    _ended: threading.Event = field(default_factory=threading.Event)
    _open: set[socket.socket] = field(default_factory=set)

    def refuse(self) -> None:
        self.refuses = True
        for connection in list(self._open):
            _close(connection)

    def heal(self) -> None:
        self.fault, self.refuses = passed, False

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if self.refuses:
                return
            with socket.create_connection(self.target, timeout=10) as upstream:
                upstream.settimeout(None)
                self._open |= {connection, upstream}
                there = threading.Thread(target=_pump, args=(connection, upstream), daemon=True)
                there.start()
                self._answers(upstream, connection)
                _close(connection)
                _close(upstream)
                there.join()
                self._open -= {connection, upstream}

    def _answers(self, upstream: socket.socket, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(CHUNK):
                spoiled = self.fault(data, self._ended)
                if spoiled is None:
                    return
                connection.sendall(spoiled)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """Pass connections on to a local port until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Proxy(f"http://127.0.0.1:{listener.getsockname()[1]}", ("127.0.0.1", port))
        acceptor = threading.Thread(target=running._accept, args=(listener,))
        acceptor.start()
        try:
            yield running
        finally:
            running._ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            running.refuse()
            acceptor.join()
