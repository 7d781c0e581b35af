"""An ASGI application inside a WSGI process: it runs on an event loop of its own, and its answer is streamed.

One loop in one thread for the process, made at the first request: a server that forks its workers does so before.
"""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

type Message = MutableMapping[str, Any]
type Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

START_S: Final = 30.0  # for the application to be ready


@dataclass(slots=True)
class Answer:
    """What an application answered, as far as it has."""

    status: int
    headers: list[tuple[str, str]]
    parts: Iterator[bytes] = field(repr=False)


class Bridge:
    """Runs one application, whose `lifespan` is entered on the loop and left when the process ends."""

    def __init__(
        self, application: Application, lifespan: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> None:
        self._application = application
        self._lifespan = lifespan
        self._loop = asyncio.new_event_loop()
        self._ready: Future[None] = Future()
        threading.Thread(target=self._run, name="monolith-asgi", daemon=True).start()
        self._ready.result(START_S)

    def ask(self, scope: MutableMapping[str, Any], body: bytes) -> Answer:
        """Give the application a request, and return once it has begun to answer. Raises what it raised before."""
        exchange = _Exchange(self._loop, body)
        exchange.task = asyncio.run_coroutine_threadsafe(self._serve(scope, exchange), self._loop)
        return exchange.begun()

    async def _serve(self, scope: MutableMapping[str, Any], exchange: "_Exchange") -> None:
        try:
            await self._application(scope, exchange.receive, exchange.send)
        except Exception as error:
            exchange.parts.put(error)
            raise
        finally:
            exchange.parts.put(None)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live())

    async def _live(self) -> None:
        try:
            async with self._lifespan():
                self._ready.set_result(None)
                await asyncio.Event().wait()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            raise


class _Exchange:
    """One request and its answer, between the loop's thread and the request's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, body: bytes) -> None:
        self.parts: queue.SimpleQueue[Message | Exception | None] = queue.SimpleQueue()
        self.task: Future[None] | None = None
        self._loop = loop
        self._body: bytes | None = body
        self._gone = asyncio.Event()

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.parts.put(message)

    def begun(self) -> Answer:
        first = self.parts.get()
        if isinstance(first, Exception):
            raise first
        if first is None or first["type"] != "http.response.start":
            raise RuntimeError("the application ended without an answer")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in first["headers"]]
        return Answer(first["status"], headers, self._rest())

    def _rest(self) -> Iterator[bytes]:
        """Yield the body; whoever stops to take it ends the exchange."""
        try:
            while True:
                part = self.parts.get()
                if part is None or isinstance(part, Exception):
                    return
                if part.get("body"):
                    yield part["body"]
                if not part.get("more_body", False):
                    return
        finally:
            with suppress(RuntimeError):  # the loop is gone, and so is everybody
                self._loop.call_soon_threadsafe(self._gone.set)
