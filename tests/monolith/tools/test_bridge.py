"""The way from WSGI to the protocol's server: streams that beat, and what ends when nobody takes them."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import pytest

from monolith.tools.bridge import BEAT, Application, Bridge, Busy, Exchange

BEAT_S: Final = 0.02
EVENTS: Final = [(b"content-type", b"text/event-stream")]
JSON: Final = [(b"content-type", b"application/json")]


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield


@contextmanager
def bridged(application: Any) -> Iterator[Bridge]:
    yield Bridge(application, nothing, BEAT_S)


def scope(accept: bytes = b"application/json, text/event-stream") -> dict[str, Any]:
    return {"type": "http", "headers": [(b"accept", accept)]}


def answering(
    headers: list[tuple[bytes, bytes]], *parts: bytes, after: Callable[[], Any] | None = None
) -> Application:
    async def application(_: Any, receive: Any, send: Any) -> None:
        await receive()
        if after is not None:
            await after()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return application


def test_an_answer_comes_as_it_was_given() -> None:
    async def application(_: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 404, "headers": JSON})
        await send({"type": "http.response.body", "body": body})

    with bridged(application) as bridge:
        answer = bridge.ask(scope(), b'{"a": 1}')
        assert (answer.status, answer.is_events, b"".join(answer.parts)) == (404, False, b'{"a": 1}')


def test_a_late_document_becomes_an_event_after_beats() -> None:
    release = threading.Event()
    waiting = asyncio.to_thread

    with bridged(answering(JSON, b'{"a":', b"1}", after=lambda: waiting(release.wait))) as bridge:
        answer = bridge.ask(scope(), b"")
        assert (answer.status, answer.is_events) == (200, True)
        assert [next(answer.parts) for _ in range(3)] == [BEAT] * 3
        release.set()
        [event] = [part for part in answer.parts if part != BEAT]
        assert json.loads(event.removeprefix(b"event: message\ndata: ")) == {"a": 1}


def test_a_client_that_takes_no_events_waits_for_its_document() -> None:
    async def later() -> None:
        await asyncio.sleep(BEAT_S * 4)

    with bridged(answering(JSON, b"{}", after=later)) as bridge:
        answer = bridge.ask(scope(b"application/json"), b"")
        assert (answer.is_events, b"".join(answer.parts)) == (False, b"{}")


def test_events_come_as_they_are_with_beats_between() -> None:
    release = threading.Event()

    async def application(_: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await asyncio.to_thread(release.wait)
        await send({"type": "http.response.body", "body": b"data: 2\n\n", "more_body": False})

    with bridged(application) as bridge:
        answer = bridge.ask(scope(), b"")
        assert [next(answer.parts) for _ in range(3)] == [b"data: 1\n\n", BEAT, BEAT]
        release.set()
        assert [part for part in answer.parts if part != BEAT] == [b"data: 2\n\n"]


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_closing_an_answer_cancels_what_makes_it(taken: int) -> None:
    cancelled = threading.Event()

    async def application(_: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with bridged(application) as bridge:
        answer = bridge.ask(scope(), b"")
        for _ in range(taken):
            next(answer.parts)
        answer.parts.close()
        assert cancelled.wait(5)


def test_closing_an_answer_that_is_complete_cancels_nothing() -> None:
    cancelled, ended = threading.Event(), threading.Event()

    async def application(_: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": False})
        try:
            await asyncio.sleep(BEAT_S)
        except asyncio.CancelledError:
            cancelled.set()
        ended.set()

    with bridged(application) as bridge:
        answer = bridge.ask(scope(), b"")
        assert list(answer.parts) == [b"data: 1\n\n"]
        answer.parts.close()
        assert ended.wait(5)
        assert not cancelled.is_set()


@pytest.mark.parametrize("waits_s", [0, BEAT_S * 2])
@pytest.mark.parametrize("accept", [b"application/json, text/event-stream", b"application/json"])
def test_what_is_cancelled_before_it_answers_has_an_empty_answer(waits_s: float, accept: bytes) -> None:
    async def application(_: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    def cancel(exchange: Exchange) -> None:
        threading.Timer(waits_s, exchange.cancel).start()

    with bridged(application) as bridge:
        answer = bridge.ask(scope(accept), b"", cancel)
        assert (answer.status, [part for part in answer.parts if part != BEAT]) == (200, [])


def test_a_process_that_ends_cancels_everything() -> None:
    async def application(_: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        await asyncio.Event().wait()

    with bridged(application) as bridge:
        answers = [bridge.ask(scope(), b"") for _ in range(3)]
        bridge.cancel_all()
        assert [[part for part in each.parts if part != BEAT] for each in answers] == [[], [], []]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it ends by an error
@pytest.mark.parametrize("accept", [b"application/json, text/event-stream", b"application/json"])
def test_what_is_under_way_when_the_loop_ends_ends_too(accept: bytes) -> None:
    stop, begun = asyncio.Event(), threading.Event()

    @asynccontextmanager
    async def stopping() -> AsyncIterator[None]:
        task = asyncio.current_task()
        assert task is not None
        waiting = asyncio.create_task(stop.wait())
        waiting.add_done_callback(lambda _: task.cancel())
        yield

    async def application(_: Any, receive: Any, send: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    def end(_: Exchange) -> None:
        assert begun.wait(5)
        bridge._loop.call_soon_threadsafe(stop.set)

    bridge = Bridge(application, stopping, BEAT_S)
    with pytest.raises(RuntimeError, match="has ended"):
        list(bridge.ask(scope(accept), b"", end).parts)
    bridge._thread.join(5)
    assert not bridge.is_alive
    with pytest.raises(RuntimeError, match="has ended"):
        bridge.ask(scope(accept), b"")


def test_who_does_not_take_what_was_sent_makes_the_application_wait() -> None:
    sent = 0

    async def application(_: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        for _number in range(1000):
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            sent += 1
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    with bridged(application) as bridge:
        answer = bridge.ask(scope(), b"")
        assert next(answer.parts) == b"data: 1\n\n"
        asyncio.run(asyncio.sleep(BEAT_S * 2))
        assert sent < 100
        assert len([part for part in answer.parts if part != BEAT]) == 999


def test_an_error_before_the_answer_is_raised() -> None:
    async def application(_: Any, receive: Any, send: Any) -> None:
        raise LookupError("broken")

    with bridged(application) as bridge, pytest.raises(LookupError, match="broken"):
        bridge.ask(scope(), b"")


def test_no_more_requests_are_under_way_than_may_be() -> None:
    release = asyncio.Event()

    async def application(_: Any, receive: Any, send: Any) -> None:
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": JSON})
        await send({"type": "http.response.body", "body": b"{}"})

    bridge = Bridge(application, nothing, BEAT_S, at_once=2)
    cancelled, kept = bridge.ask(scope(), b""), bridge.ask(scope(), b"")
    with pytest.raises(Busy):
        bridge.ask(scope(), b"")
    cancelled.parts.close()
    again = eventually(lambda: bridge.ask(scope(), b""))
    with pytest.raises(Busy):
        bridge.ask(scope(), b"")
    bridge._loop.call_soon_threadsafe(release.set)
    for answer in (kept, again):
        assert b"{}" in b"".join(answer.parts)


def eventually[T](ask: Callable[[], T]) -> T:
    """Return what `ask` gives once a place is free, which the loop says in its own time."""
    deadline = time.monotonic() + 5
    while True:
        try:
            return ask()
        except Busy:
            assert time.monotonic() < deadline, "no place became free"
            time.sleep(0.01)
