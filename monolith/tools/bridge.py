"""An ASGI application inside a WSGI process: it runs on an event loop of its own, and its answer is streamed.

One loop in one thread for the process, made at the first request: a server that forks its workers does so before.

WSGI tells nobody that a client has gone; only writing to it does. So an answer that is a stream of events is never
silent for longer than `beat_s`: a comment goes out, which clients skip, and where that fails the server closes the
answer and the application's task is cancelled.
"""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final

type Message = MutableMapping[str, Any]
type Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

START_S: Final = 30.0  # for the application to be ready
BEAT_S: Final = (
    1.0  # between beats at the most; the first follow each other faster, for clients that gave up at once
)
PATIENCE: Final = (
    0.25  # of a beat: for an answer with a status of its own, before it becomes a stream of events
)
AT_ONCE: Final = 56  # requests under way; each waits in a thread of the server
AHEAD: Final = 16  # messages that wait for a client to take them, before the application waits too
EVENTS: Final = "text/event-stream"
OVER: Final = "the application has ended"
BEAT: Final = b": \n\n"
_EVENT_HEADERS: Final = [("content-type", EVENTS), ("x-accel-buffering", "no")]


class Busy(Exception):
    """As many requests are under way as may be."""


class Bridge:
    """Runs one application, whose `lifespan` is entered on the loop and left when the process ends."""

    def __init__(
        self,
        application: Application,
        lifespan: Callable[[], AbstractAsyncContextManager[Any]],
        beat_s: float = BEAT_S,
        at_once: int = AT_ONCE,
    ) -> None:
        self._places = threading.Semaphore(at_once)
        self._application = application
        self._lifespan = lifespan
        self._beat_s = beat_s
        self._loop = asyncio.new_event_loop()
        self._ready: Future[None] = Future()
        self._under_way: set[Exchange] = set()  # inside of the lock
        self._lock = threading.Lock()
        self._is_over = False  # inside of the lock
        self._thread = threading.Thread(target=self._run, name="monolith-asgi", daemon=True)
        self._thread.start()
        self._ready.result(START_S)

    @property
    def is_alive(self) -> bool:
        """Say whether anything asked would be answered: its loop ends with the application's lifespan."""
        return self._thread.is_alive()

    def ask(
        self,
        scope: MutableMapping[str, Any],
        body: bytes,
        on_begin: Callable[["Exchange"], None] = lambda _: None,
    ) -> "Answer":
        """Give the application a request, and return once it has begun to answer. Raises Busy, or what it raised.

        `on_begin` is told what can be cancelled from then on.

        An application that lets a client wait for longer than a beat, where the client takes events, gets its answer
        sent as one: there is something to write until it is there.
        """
        if not self._places.acquire(blocking=False):
            raise Busy
        exchange = Exchange(self._loop, body)
        with self._lock:
            if self._is_over:
                raise RuntimeError(OVER)
            self._under_way.add(exchange)
            exchange.task = asyncio.run_coroutine_threadsafe(self._serve(scope, exchange), self._loop)
        exchange.task.add_done_callback(lambda _: self._places.release())
        on_begin(exchange)
        return _begun(exchange, self._beat_s, takes_events=accepts_events(scope))

    def cancel_all(self) -> None:
        """Cancel what is under way, for a process that ends; from any thread."""
        with self._lock:
            under_way = list(self._under_way)
        for exchange in under_way:
            exchange.cancel()

    async def _serve(self, scope: MutableMapping[str, Any], exchange: "Exchange") -> None:
        try:
            await self._application(scope, exchange.receive, exchange.send)
        except Exception as error:
            exchange.parts.put(error)
            raise
        finally:
            with self._lock:
                self._under_way.discard(exchange)
            exchange.parts.put(None)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._live())
            finally:
                with self._lock:
                    self._is_over = True
                    for exchange in self._under_way:
                        exchange.parts.put(RuntimeError(OVER))

    async def _live(self) -> None:
        try:
            async with self._lifespan():
                self._ready.set_result(None)
                await asyncio.Event().wait()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            raise


class Exchange:
    """One request and its answer, between the loop's thread and the request's."""

    is_cancelled = False

    def __init__(self, loop: asyncio.AbstractEventLoop, body: bytes) -> None:
        self.parts: queue.SimpleQueue[Message | Exception | None] = queue.SimpleQueue()
        self.task: Future[None] | None = None
        self._loop = loop
        self._body: bytes | None = body
        self._room = asyncio.Semaphore(AHEAD)
        self._taken = 0  # messages for which the application has not been given room again

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()  # a client that has gone is told by cancelling the task
        raise AssertionError

    async def send(self, message: Message) -> None:
        await self._room.acquire()
        self.parts.put(message)

    def take(self, timeout_s: float | None) -> Message | None:
        """Return the next message, None after the last. Raises queue.Empty, and what the application raised."""
        message = self.parts.get(timeout=timeout_s)
        if isinstance(message, Exception):
            raise message
        if message is not None:
            self._taken += 1
        if self._taken >= AHEAD // 2:  # each time the loop is woken costs as much as a short answer does
            taken, self._taken = self._taken, 0
            with suppress(RuntimeError):  # the loop is gone, and so is whoever waits for room
                self._loop.call_soon_threadsafe(self._give_room, taken)
        return message

    def _give_room(self, messages: int) -> None:
        for _ in range(messages):
            self._room.release()

    def cancel(self) -> None:
        """Cancel the application's task; from any thread. What was not answered by then has an empty answer."""
        self.is_cancelled = True
        if self.task is not None:
            self.task.cancel()


@dataclass(slots=True)
class Answer:
    """What an application answered, as far as it has; whoever does not take it all closes it."""

    status: int
    headers: list[tuple[str, str]]
    parts: "Parts" = field(repr=False)

    @property
    def is_events(self) -> bool:
        """Say whether it is a stream of events, of which the next may take long."""
        return _is_events(self.headers)


class Parts:
    """The body of an answer as an iterator. Closed before its end, it cancels the application."""

    def __init__(self, exchange: Exchange, parts: Iterator[bytes]) -> None:
        self._exchange = exchange
        self._parts = parts
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except BaseException:
            self._is_over = True
            raise

    def close(self) -> None:
        """Cancel the application unless it has said everything."""
        if not self._is_over:
            self._is_over = True
            self._exchange.cancel()


def _begun(exchange: Exchange, beat_s: float, *, takes_events: bool) -> Answer:
    try:
        first = exchange.take(beat_s * PATIENCE if takes_events else None)
    except queue.Empty:
        return Answer(200, list(_EVENT_HEADERS), Parts(exchange, _late(exchange, beat_s)))
    if first is None and exchange.is_cancelled:
        return Answer(200, list(_EVENT_HEADERS), Parts(exchange, iter(())))
    status, headers = _start(first)
    return Answer(status, headers, Parts(exchange, _rest(exchange, beat_s if _is_events(headers) else None)))


def _start(message: Message | None) -> tuple[int, list[tuple[str, str]]]:
    if message is None or message["type"] != "http.response.start":
        raise RuntimeError("the application ended without an answer")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
    return message["status"], headers


def _rest(exchange: Exchange, beat_s: float | None) -> Iterator[bytes]:
    """Yield the body, and a beat whenever there was nothing for that long."""
    waits = _waits(beat_s)
    while True:
        try:
            message = exchange.take(next(waits))
        except queue.Empty:
            yield BEAT
            continue
        waits = _waits(beat_s)
        if message is None:
            return
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body", False):
            return


def _late(exchange: Exchange, beat_s: float) -> Iterator[bytes]:
    """Yield beats until the answer begins, then the answer: events as they come, one JSON document as one event."""
    yield BEAT
    waits = _waits(beat_s)
    while True:
        try:
            message = exchange.take(next(waits))
        except queue.Empty:
            yield BEAT
            continue
        break
    if message is None and exchange.is_cancelled:
        return
    _, headers = _start(message)
    if _is_events(headers):
        yield from _rest(exchange, beat_s)
    elif body := b"".join(_rest(exchange, None)):
        yield b"event: message\ndata: " + body + b"\n\n"


def _waits(beat_s: float | None) -> Iterator[float | None]:
    """Yield how long to wait for the next message before each beat; None where nothing beats."""
    if beat_s is not None:
        yield from (beat_s / 8, beat_s / 4, beat_s / 2)
    yield from repeat(beat_s)


def _is_events(headers: list[tuple[str, str]]) -> bool:
    return dict(headers).get("content-type", "").startswith(EVENTS)


def accepts_events(scope: MutableMapping[str, Any]) -> bool:
    """Say whether whoever asks takes a stream of events for an answer."""
    accepted = [value for name, value in scope["headers"] if name == b"accept"]
    return any(kind in value for value in accepted for kind in (EVENTS.encode(), b"text/*", b"*/*"))
