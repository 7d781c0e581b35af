"""A real HTTP server on a free port that answers as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    """What the server says next."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class WeatherServer:
    """What was asked, and what is answered: by latitude, or to everyone."""

    url: str = ""
    answer: Answer = field(default_factory=Answer)
    by_latitude: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)  # query, headers


def locationforecast(
    first: datetime, *, hours: int = 48, blocks: int = 0, **readings: float
) -> dict[str, Any]:
    """Return a document as MET Norway sends it: hours, then blocks of six hours."""
    details = {
        "air_temperature": 8.0,
        "wind_speed": 5.0,
        "cloud_area_fraction": 40.0,
        "relative_humidity": 60.0,
    }
    details |= {name: value for name, value in readings.items() if name in details}
    amount = {"details": {"precipitation_amount": readings.get("precipitation_amount", 0.0)}}

    def item(at: datetime, block: str) -> dict[str, Any]:
        return {"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "data": {"instant": {"details": details}, block: amount}}

    items = [item(first + timedelta(hours=offset), "next_1_hours") for offset in range(hours)]
    start = first + timedelta(hours=hours)
    items += [item(start + timedelta(hours=6 * offset), "next_6_hours") for offset in range(blocks)]
    items.append(
        {"time": f"{start + timedelta(hours=6 * blocks):%Y-%m-%dT%H:%M:%SZ}", "data": {"instant": {}}}
    )
    return {"type": "Feature", "properties": {"timeseries": items}}


def good(document: Any, *, expires: datetime | None = None, last_modified: str = "") -> Answer:
    """Return a 200 with its dates."""
    headers = {"Content-Type": "application/json"}
    if expires:
        headers["Expires"] = format_datetime(expires.astimezone(UTC), usegmt=True)
    if last_modified:
        headers["Last-Modified"] = last_modified
    return Answer(body=json.dumps(document).encode(), headers=headers)


@contextmanager
def serving() -> Iterator[WeatherServer]:
    """Serve until the block ends."""
    weather = WeatherServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            weather.asked.append((query, dict(self.headers)))
            answer = weather.by_latitude.get(query["lat"], weather.answer)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server calls it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    weather.url = f"http://127.0.0.1:{server.server_port}/compact"
    try:
        yield weather
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
