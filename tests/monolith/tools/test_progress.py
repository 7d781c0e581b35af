"""Progress on its way to a client, and a call that is cancelled while a statement of it runs."""

import asyncio
import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connections
from mcp.shared.exceptions import MCPError
from mcp_types import PaginatedRequestParams

from monolith.tools import server
from monolith.tools.errors import ToolCancelled
from monolith.tools.progress import Progress
from monolith.tools.telling import Telling

SLEEP = "SELECT pg_sleep(60)"


def sleep() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(SLEEP)


def sleeping() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query = %s AND state = 'active'", [SLEEP])
        return bool(cursor.fetchone()[0])


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("is_open", [False, True])
def test_cancelling_ends_the_statement_that_runs(is_open: bool) -> None:
    progress, raised = Progress(), []

    def work() -> None:
        try:
            if is_open:
                connections["default"].ensure_connection()
            with progress.interruptible():
                sleep()
        except OperationalError as error:
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    until = time.monotonic() + 10
    while not sleeping():
        assert time.monotonic() < until
    began = time.monotonic()
    progress.cancel()
    thread.join(10)

    assert "canceling statement due to user request" in str(raised)
    assert time.monotonic() - began < 5
    with pytest.raises(ToolCancelled):
        progress.report(1)


@pytest.mark.usefixtures("committed_db")
def test_cancelling_touches_no_statement_outside_of_the_call() -> None:
    progress = Progress()
    with progress.interruptible():
        connections["default"].ensure_connection()
    progress.cancel()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.2)")
    with pytest.raises(ToolCancelled), progress.interruptible():
        raise AssertionError("a call that was cancelled before it began does not begin")


@pytest.mark.usefixtures("committed_db")
def test_cancelling_touches_no_connection_that_was_given_back() -> None:
    progress, given_back, ended = Progress(), threading.Event(), threading.Event()

    def work() -> None:
        with progress.interruptible():
            connections["default"].ensure_connection()
            connections["default"].close()
            given_back.set()
            assert ended.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    assert given_back.wait(10)
    cancelling = threading.Timer(0.2, progress.cancel)
    with connections["default"].cursor() as cursor:  # the pool has one connection, which is this one's now
        cancelling.start()
        cursor.execute("SELECT pg_sleep(1)")
    ended.set()
    for each in (thread, cancelling):
        each.join(10)


def test_what_comes_too_fast_is_left_out_but_for_the_newest_and_nothing_follows_the_end() -> None:
    async def run() -> list[float]:
        sent: list[float] = []
        release = asyncio.Event()

        async def send(done: float, total: float | None, message: str | None) -> None:
            await release.wait()
            sent.append(done)

        telling = Telling(send)
        for number in range(100):
            telling.tell(number, None, "")
            if number == 0:
                await asyncio.sleep(0)  # lets the first go out, where it waits for a slow client
                await asyncio.sleep(0)
        await asyncio.sleep(0)  # as when a tool has ended: what it told before is on the loop already
        asyncio.get_running_loop().call_later(0.01, release.set)
        await telling.finish()
        telling.tell(1000, None, "")
        await asyncio.sleep(0.01)
        return sent

    assert asyncio.run(run()) == [0, 99]


def test_a_client_that_takes_no_progress_does_not_hold_up_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monolith.tools.telling.FLUSH_S", 0.01)

    async def run() -> None:
        async def send(*_: Any) -> None:
            await asyncio.Event().wait()

        telling = Telling(send)
        telling.tell(1, None, "")
        await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            await telling.finish()

    asyncio.run(run())


def test_lists_come_in_pages_and_a_cursor_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PAGE", 2)
    pages: list[list[str]] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        params = PaginatedRequestParams(cursor=cursor) if cursor else None
        page, cursor = server.page_of(["a", "b", "c", "d"], str, params)
        pages.append(page)
    assert pages == [["a", "b"], ["c", "d"]]
    assert server.page_of(list[str](), str, None) == ([], None)
    for wrong in ("", "e"):
        with pytest.raises(MCPError, match="begin without one"):
            server.page_of(["a"], str, PaginatedRequestParams(cursor=wrong))
