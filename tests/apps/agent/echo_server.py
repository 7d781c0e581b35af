"""A real HTTP server on a loopback port: what it answers is chosen by the path, and it remembers what it was asked.

It ships with the tests alone. `/echo` answers with what came, `/slow?s=1` late, `/status?code=503` with that status,
`/huge?bytes=9` with so much, `/redirect?to=…` with where to go (`&code=307`), `/loop` with itself, `/trickle` byte by
byte without end, `/hang-up` with nothing, `/secret` with what nobody should keep, `/packed` with gzip.
"""

import asyncio
import gzip
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

SECRET: Final = "hunter2-hunter2"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class EchoServer:
    """Where it is, and what it was asked."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def counts(self) -> Counter[str]:
        """How often each target was asked for."""
        return Counter(each.target for each in self.asked)


type Answer = tuple[int, dict[str, str], bytes]


def _echo(asked: Asked, query: dict[str, str]) -> Answer:
    told = {
        "method": asked.method,
        "target": asked.target,
        "headers": asked.headers,
        "body": asked.body.decode(),
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()


def _status(asked: Asked, query: dict[str, str]) -> Answer:
    return int(query["code"]), {"Content-Type": "text/plain"}, b"as you wish"


def _huge(asked: Asked, query: dict[str, str]) -> Answer:
    return 200, {"Content-Type": "text/plain"}, b"x" * int(query["bytes"])


def _redirect(asked: Asked, query: dict[str, str]) -> Answer:
    return int(query.get("code", "302")), {"Location": query["to"]}, b""


def _loop(asked: Asked, query: dict[str, str]) -> Answer:
    return 302, {"Location": "/loop"}, b""


def _secret(asked: Asked, query: dict[str, str]) -> Answer:
    body = {"user": "ada", "password": SECRET, "nested": [{"access_token": SECRET}]}
    headers = {"Content-Type": "application/json", "Set-Cookie": f"session={SECRET}", "X-Api-Key": SECRET}
    return 200, headers, json.dumps(body).encode()


def _packed(asked: Asked, query: dict[str, str]) -> Answer:
    return 200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, gzip.compress(b"x" * 1_000_000)


ANSWERS: Final[dict[str, Callable[[Asked, dict[str, str]], Answer]]] = {
    "/echo": _echo,
    "/slow": _echo,
    "/status": _status,
    "/huge": _huge,
    "/redirect": _redirect,
    "/loop": _loop,
    "/secret": _secret,
    "/packed": _packed,
}


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[EchoServer]:
    """Serve in a thread until the block ends."""
    server = EchoServer()
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        listening = await asyncio.start_server(
            lambda *streams: _converse(server, *streams), host, 0, backlog=512
        )
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        listening.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _converse(server: EchoServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    server.connections += 1
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        asked = await _read(reader)
        server.asked.append(asked)
        await _answer(asked, writer)
    writer.close()
    with suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)


async def _answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
    parts = urlsplit(asked.target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if parts.path == "/hang-up":
        return
    if parts.path == "/trickle":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)
    if "s" in query:
        await asyncio.sleep(float(query["s"]))
    status, headers, body = ANSWERS[parts.path](asked, query)
    lines = [f"HTTP/1.1 {status} Some", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    writer.write("\r\n".join(lines).encode("latin-1") + (b"" if asked.method == "HEAD" else body))
    await writer.drain()
