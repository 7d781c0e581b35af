"""Requests of a guest at the protocol's server: what they cost, what they keep from others, and what they tell."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier, Event
from typing import Any

import mcp_types as types
import pytest
from django.db import connections
from mcp.shared.exceptions import MCPError

from monolith.databases import POOL
from monolith.tools import Tag, tool
from monolith.tools.calls import call_tool
from monolith.tools.maps import MAP
from monolith.tools.models import Token
from monolith.tools.progress import Progress
from monolith.tools.server import THREADS, Guest, ToolServer
from monolith.tools.tokens import Identity, authenticate
from tests.monolith.tools.offered_tools import offered
from tests.tool_calls import guest, secret_of

pytestmark = pytest.mark.usefixtures("committed_db")

REQUESTS: dict[str, Any] = {
    "tools/list": types.PaginatedRequestParams(),
    "resources/list": types.PaginatedRequestParams(),
    "resources/templates/list": types.PaginatedRequestParams(),
    "resources/read": types.ReadResourceRequestParams(uri=MAP),
    "prompts/list": types.PaginatedRequestParams(),
    "prompts/get": types.GetPromptRequestParams(name="nobody_has_this"),
}
entered, go_on = Barrier(THREADS + 1), Event()


@tool(tag=Tag.READ, from_users=False)
def wait_for_thaw() -> int:
    """Wait until the snow melts."""
    entered.wait(10)
    assert go_on.wait(10)
    return 1


@pytest.fixture
def waiting_tool() -> Iterator[str]:
    entered.reset()
    go_on.clear()
    with offered("home", wait_for_thaw) as (name,):
        yield name


def ask(identity: Identity | None, method: str, params: Any) -> Any:
    """Ask the protocol's server, as whoever a token stands for; None: by something that goes wrong."""

    async def identify(_: Any) -> Guest:
        if identity is None:
            raise OSError("host=10.0.0.7 user=platform_rw")
        return Guest(identity, copy_context())

    async def answer() -> Any:
        entry = ToolServer(identify).protocol.get_request_handler(method)
        assert entry is not None
        nothing_of_it: Any = None
        return await entry.handler(nothing_of_it, params)

    return asyncio.run(answer())


@pytest.mark.parametrize("method", REQUESTS)
def test_what_is_no_call_is_charged_as_one(method: str) -> None:
    poor = guest("read:*", calls_a_minute=0)
    with pytest.raises(MCPError, match="it may make none"):
        ask(poor, method, REQUESTS[method])

    able = guest("read:*", name="able", calls_a_minute=10, units_a_day=0)
    if method == "prompts/get":
        with pytest.raises(MCPError, match="There is no prompt"):
            ask(able, method, REQUESTS[method])
    else:
        ask(able, method, REQUESTS[method])
    assert Token.objects.get(name="able").calls_left == 9

    Token.objects.update(revoked_at="2026-01-01T00:00:00Z")  # since it was looked up
    with pytest.raises(MCPError, match="has expired, or was revoked"):
        ask(able, method, REQUESTS[method])


@pytest.mark.parametrize("method", REQUESTS)
def test_an_error_tells_nothing_of_itself(method: str) -> None:
    with pytest.raises(MCPError) as told:
        ask(None, method, REQUESTS[method])
    assert (told.value.error.code, told.value.error.message) == (
        types.INTERNAL_ERROR,
        "It failed. The log says why.",
    )


def test_as_many_calls_as_there_may_be_keep_nobody_from_the_platforms_tables(waiting_tool: str) -> None:
    assert THREADS < POOL
    identity, secret = guest("read:home"), secret_of("read:home", name="other")

    def call(_: int) -> str:
        try:
            return str(call_tool(identity, waiting_tool, {}).outcome)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS + POOL) as threads:
        calls = threads.map(call, range(THREADS))
        try:
            entered.wait(10)
            assert [found.name for found in threads.map(_look, [secret] * POOL)] == ["other"] * POOL
        finally:
            go_on.set()
        assert list(calls) == ["succeeded"] * THREADS


def _look(secret: str) -> Identity:
    try:
        found = authenticate(secret)
        assert found is not None
        return found
    finally:
        connections.close_all()


def test_a_call_that_was_cancelled_before_it_began_is_one_of_the_minute() -> None:
    identity, progress = guest("read:stars", calls_a_minute=10), Progress()
    progress.mark_cancelled()
    assert not progress.has_begun
    assert call_tool(identity, "stars_find_sites", {}, progress).outcome == "cancelled"
    assert not progress.has_begun
    assert Token.objects.values_list("calls_left", "spent_units").get() == (9, 0)
