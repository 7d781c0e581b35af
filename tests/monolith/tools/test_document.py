"""Requests that are answered by one document, past the streams of the SDK's transport."""

import asyncio
import json
from contextvars import copy_context
from typing import Any, Final
from uuid import UUID

import mcp_types as types
import pytest

from monolith.tools.cancelling import Asked
from monolith.tools.document import single_exchange
from monolith.tools.http import ASKED, application_of
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
    taken = single_exchange(scope_of(mcp_protocol_version=revision), LISTING)
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
        ({"accept": "application/json-seq, text/event-stream"}, LISTING),
        ({}, {}),
        ({}, LISTING | {"jsonrpc": "1.0"}),
        ({}, LISTING | {"id": None}),
        ({}, LISTING | {"params": []}),
        ({}, {"jsonrpc": "2.0", "method": "notifications/initialized"}),
        ({}, {"jsonrpc": "2.0", "id": 1, "result": {}}),
        ({}, LISTING | {"error": {"code": 1, "message": "m"}}),
    ],
)
def test_what_is_none_is_left_to_the_transport(changed: dict[str, str], message: dict[str, Any]) -> None:
    assert single_exchange(scope_of(**changed), message) is None


class Transport:
    """In the place of one of the SDK's."""

    def __init__(self) -> None:
        self.asked = 0

    async def handle_request(self, *_: Any) -> None:
        self.asked += 1


@pytest.mark.parametrize(
    ("changed", "message", "expected"),
    [
        ({}, LISTING, (0, 0)),
        ({}, LISTING | {"params": {"_meta": {"progressToken": 1}}}, (1, 0)),
        ({"accept": "application/json"}, LISTING, (1, 0)),
        ({}, LISTING | {"method": "initialize"}, (0, 1)),
        ({"mcp_protocol_version": "2026-07-28"}, LISTING, (0, 1)),
    ],
    ids=["in order", "progress", "no events", "initialize", "modern"],
)
def test_each_request_goes_its_way(
    changed: dict[str, str], message: dict[str, Any], expected: tuple[int, int]
) -> None:
    async def nobody(_: Any) -> Guest:
        raise AssertionError

    streams, documents = Transport(), Transport()
    scope = scope_of(**changed) | {ASKED: Asked(UUID(int=1), "", message)}
    sent = sent_by(application_of(ToolServer(nobody).protocol, streams, documents), scope)
    assert (streams.asked, documents.asked) == expected
    assert bool(sent) == (expected == (0, 0))


def sent_by(application: Any, scope: dict[str, Any]) -> list[Any]:
    sent: list[Any] = []

    async def send(part: Any) -> None:
        sent.append(part)

    async def receive() -> Any:
        raise AssertionError

    asyncio.run(application(scope, receive, send))
    return sent


def answered(message: dict[str, Any], server: ToolServer) -> dict[str, Any]:
    """Return the document that a message is answered by."""
    taken = single_exchange(scope_of(), message)
    assert taken is not None
    start, body = sent_by(lambda scope, _, send: taken.answer(server.protocol, scope, send), scope_of())
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
    refused = answered(call | {"params": {"name": "hikes_find_walks"}}, server)["result"]
    assert refused["isError"] is True
    assert "structuredContent" not in refused
    assert answered(call | {"params": {"name": 5}}, server)["error"]["code"] == types.INVALID_PARAMS
    assert answered(call | {"method": "no/such"}, server)["error"]["code"] == types.METHOD_NOT_FOUND


def test_what_cannot_be_written_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async def nobody(_: Any) -> Guest:
        raise AssertionError

    async def answers(ctx: Any, call_next: Any) -> Any:
        return {"text": "\ud800"}

    server = ToolServer(nobody)
    server.protocol.middleware.append(answers)
    assert answered(LISTING, server)["error"]["code"] == types.INTERNAL_ERROR
    assert "surrogate" in caplog.text


def test_an_error_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    async def nobody(_: Any) -> Guest:
        raise AssertionError

    async def breaks(ctx: Any, call_next: Any) -> Any:
        raise OSError("host=10.0.0.7 user=platform_rw")

    server = ToolServer(nobody)
    server.protocol.middleware.append(breaks)  # outside of the handlers, which hide errors by themselves
    error = answered(LISTING, server)["error"]
    assert error == {"code": types.INTERNAL_ERROR, "message": "Internal server error"}
    assert "host=10.0.0.7" in caplog.text
