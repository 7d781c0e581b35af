"""A real HTTP server on a free port that fails as often as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from django.test import override_settings

PIECE: Final = 64 * 1024


@dataclass
class FlakyServer:
    """What was asked for, and what is answered by path: a status for the nth request, counted from 0."""

    origin: str = ""
    status_of: dict[str, Callable[[int], int]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    hold: threading.Event | None = None  # answers wait for it
    trickle: bool = False  # the body comes byte by byte, without end
    sent: int = 0  # bytes of bodies that the system took
    asked: list[str] = field(default_factory=list)
    cut: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_status(self, path: str) -> int:
        with self._lock:
            number = self.asked.count(path)
            self.asked.append(path)
        choose = self.status_of.get(path)
        return choose(number) if choose else 200


@contextmanager
def serving() -> Iterator[FlakyServer]:
    """Serve until the block ends."""
    flaky = FlakyServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status = flaky.next_status(self.path)
            if flaky.hold is not None:
                flaky.hold.wait(10)
            try:
                self._answer(status)
            except OSError:  # the prober has hung up
                self.close_connection = True

        def _answer(self, status: int) -> None:
            self.send_response(status)
            for name, value in flaky.headers.items():
                self.send_header(name, value)
            if flaky.trickle:
                self.end_headers()
                while not flaky.cut.wait(0.01):
                    self.wfile.write(b".")
                return
            self.send_header("Content-Length", str(len(flaky.body)))
            self.end_headers()
            for start in range(0, len(flaky.body), PIECE):
                flaky.sent += self.wfile.write(flaky.body[start : start + PIECE])

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server calls it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    flaky.origin = f"http://127.0.0.1:{server.server_port}"
    try:
        with override_settings(HOME_PROBE_ORIGINS=[flaky.origin]):
            yield flaky
    finally:
        flaky.cut.set()
        if flaky.hold is not None:
            flaky.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()
