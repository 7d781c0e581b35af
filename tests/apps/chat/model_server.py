"""A real HTTP server on a free port that speaks OpenAI's chat completions, and breaks as it is told."""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def chunk(text: str | None) -> str:
    """Return one event with a piece of an answer."""
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n"


@dataclass
class ModelServer:
    """What was asked, and what is answered."""

    url: str = ""
    status: int = 200
    events: Iterable[str] = ()
    hold: threading.Event | None = None  # after the first event, answers wait for it
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # authorization and body


@contextmanager
def serving() -> Iterator[ModelServer]:
    """Serve until the block ends."""
    model = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model.asked.append((self.headers["Authorization"], body))
            self.send_response(model.status if self.path == "/v1/chat/completions" else 404)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            try:
                self._tell()
            except OSError:  # whoever asked has hung up
                self.close_connection = True

        def _tell(self) -> None:
            for number, event in enumerate(model.events):
                if number == 1 and model.hold is not None:
                    model.hold.wait(10)
                self.wfile.write(event.encode(errors="surrogateescape"))
                self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server calls it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield model
    finally:
        if model.hold is not None:
            model.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()
