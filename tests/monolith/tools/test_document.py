"""Requests that are answered by one document, past the streams of the SDK's transport."""

import asyncio
import json
from contextvars import copy_context
from typing import Any, Final

import mcp_types as types
import pytest

from monolith.tools.document import Plain, plain
from monolith.tools.server import Guest, ToolServer
from tests.tool_calls import guest

REVISION: Final = "2025-11-25"
HEADERS: Final = {
    "mcp-protocol-version": REVISION,
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
}
LISTING: Final[dict[str, Any]] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def scope_of(**changed: str) -> dict[str, Any]:
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changed.items()}
    return {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}


@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18", REVISION])
def test_a_request_in_order_is_taken(revision: str) -> None:
    taken = plain(scope_of(mcp_protocol_version=revision), LISTING)
    assert taken is not None
    assert (taken.revision, taken.request.method, taken.request.id) == (revision, "tools/list", 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mcp_protocol_version": "2026-07-28"}, LISTING),
        ({"mcp_protocol_version": "1999-01-01"}, LISTING),
        ({"mcp_protocol_version": ""}, LISTING),
        ({"content_type": "text/plain"}, LISTING),
        ({"accept": "text/event-stream"}, LISTING),
        ({}, {}),
        ({}, LISTING | {"method": "initialize"}),
        ({}, LISTING | {"jsonrpc": "1.0"}),
        ({}, LISTING | {"id": None}),
        ({}, LISTING | {"params": []}),
        ({}, {"jsonrpc": "2.0", "method": "notifications/initialized"}),
        ({}, {"jsonrpc": "2.0", "id": 1, "result": {}}),
    ],
)
def test_what_is_none_is_left_to_the_sdk(changed: dict[str, str], message: dict[str, Any]) -> None:
    assert plain(scope_of(**changed), message) is None


def answered(message: dict[str, Any], server: ToolServer) -> dict[str, Any]:
    """Return the document that a message is answered by."""
    sent: list[Any] = []

    async def send(part: Any) -> None:
        sent.append(part)

    scope = scope_of()
    taken = plain(scope, message)
    assert isinstance(taken, Plain)
    asyncio.run(taken.answer(server.protocol, scope, send))
    start, body = sent
    assert (start["status"], start["headers"]) == (200, [(b"content-type", b"application/json")])
    document: dict[str, Any] = json.loads(body["body"])
    assert (document.pop("jsonrpc"), document.pop("id")) == ("2.0", message["id"])
    return document


@pytest.mark.usefixtures("committed_db")
def test_calls_and_refusals_are_told() -> None:
    identity = guest("read:stars")

    async def identify(_: Any) -> Guest:
        return Guest(identity, copy_context())

    server = ToolServer(identify)
    call = LISTING | {"id": "a", "method": "tools/call"}
    told = answered(call | {"params": {"name": "stars_find_sites", "arguments": {}}}, server)
    assert told["result"]["structuredContent"]["result"] == []
    assert not told["result"].get("isError")
    assert answered(call | {"params": {"name": "hikes_find_walks"}}, server)["result"]["isError"] is True
    assert answered(call | {"params": {"name": 5}}, server)["error"]["code"] == types.INVALID_PARAMS
    assert answered(call | {"method": "no/such"}, server)["error"]["code"] == types.METHOD_NOT_FOUND


def test_an_error_tells_nothing_of_itself() -> None:
    async def identify(_: Any) -> Guest:
        raise OSError("host=10.0.0.7 user=platform_rw")

    async def breaks(ctx: Any, call_next: Any) -> Any:
        raise OSError("host=10.0.0.7 user=platform_rw")

    server = ToolServer(identify)
    server.protocol.middleware.append(breaks)  # past the handlers, which tell nothing by themselves
    error = answered(LISTING, server)["error"]
    assert error == {"code": types.INTERNAL_ERROR, "message": "It failed. The log says why."}
