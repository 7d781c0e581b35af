"""A real HTTP server on a free port that takes words, and answers as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WebhookServer:
    """What came, and how the next ones are answered."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)  # of the next requests; 0 hangs up; 200 after them
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # key and body, as they came
    arrived: dict[str, str] = field(default_factory=dict)  # words by key: what a place that goes by keys has

    def take(self, key: str, body: dict[str, Any]) -> int:
        self.requests.append((key, body))
        status = self.statuses.pop(0) if self.statuses else 200
        if status in (0, 200, 500):  # it may have arrived also where no good answer tells
            self.arrived.setdefault(key, body["text"])
        return status


@contextmanager
def serving() -> Iterator[WebhookServer]:
    """Serve until the block ends."""
    place = WebhookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = place.take(self.headers["Idempotency-Key"], body)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("X-Message-Id", f"m-{len(place.arrived)}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server calls it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    place.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield place
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
