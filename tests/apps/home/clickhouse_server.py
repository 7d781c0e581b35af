"""ClickHouse's engine behind ClickHouse's HTTP interface, as far as a client of ours goes.

The engine is the library chdb: the same code as the server's, without its HTTP. It runs in a process of its own, because a
child of a process that has opened it hangs. Run as a program it prints its port, serves, and ends when its input does.
"""

import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

PROJECT: Final = Path(__file__).resolve().parents[3]
START_S: Final = 60.0
_INSERT: Final = re.compile(rb"\s*(INSERT INTO [^\n]*?)\s+FORMAT\s+(\w+)\n", re.IGNORECASE)


@contextmanager
def serving() -> Iterator[str]:
    """Serve in another process until the block ends; gives the origin, `http://host:port`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.apps.home.clickhouse_server"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    killer = threading.Timer(START_S, process.kill)
    killer.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline().strip()  # nothing when it was killed
        killer.cancel()
        assert port, "the engine did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        killer.cancel()
        process.communicate()  # closes its input, by which it ends


class Engine:
    """One connection to the engine, used by one request at a time."""

    def __init__(self, directory: str) -> None:
        import chdb

        self._connection = chdb.connect(directory)
        self._directory = Path(directory)
        self._lock = threading.Lock()

    def run(self, statement: bytes, parameters: dict[str, str]) -> bytes:
        """Run one statement; the rows of an INSERT follow it. Raises RuntimeError with what the engine says."""
        with self._lock:
            if insert := _INSERT.match(statement):
                rows = self._directory / "rows"
                rows.write_bytes(statement[insert.end() :])
                sql = f"{insert[1].decode()} FROM INFILE '{rows}' FORMAT {insert[2].decode()}"
            else:
                sql = statement.decode()
            return bytes(self._connection.query(sql, "TabSeparated", params=parameters).bytes())

    def close(self) -> None:
        self._connection.close()


def _serve(engine: Engine) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            body = self._body()
            parameters = {k.removeprefix("param_"): v for k, v in query.items() if k.startswith("param_")}
            try:
                status, answer = 200, engine.run(body, parameters)
            except RuntimeError as error:
                status, answer = 500, str(error).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server calls it so
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main() -> None:
    """Serve until standard input ends."""
    with tempfile.TemporaryDirectory(prefix="monolith-clickhouse-") as directory:
        engine = Engine(directory)
        server = _serve(engine)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()
        engine.close()


if __name__ == "__main__":
    main()
