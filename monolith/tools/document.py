"""A request of the protocol that is answered by one document, past the streams that the SDK's transport makes for each.

The SDK serves revision 2026-07-28 in this way by itself. For the older ones it makes a stream, a router and a
dispatcher for every request, which is most of what a short call costs. What is a request in order goes through the same
handlers here; all else stays with the SDK, which says what is wrong with it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_one
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.jsonrpc_dispatcher import handler_exception_to_error_data
from mcp.shared.message import MessageMetadata, ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import ValidationError
from starlette.requests import Request

logger = logging.getLogger("monolith.tools")

type Scope = MutableMapping[str, Any]

JSON: Final = "application/json"
INITIALIZE: Final = "initialize"  # settles the revision, which is the transport's
_VERSION: Final = b"mcp-protocol-version"
_WHERE: Final = TransportContext(kind="streamable-http", can_send_request=False)


@dataclass(slots=True)
class _Alone:
    """A request's way back to its client, on which nothing goes but the answer; the SDK's `DispatchContext`."""

    request_id: RequestId
    message_metadata: MessageMetadata
    transport: TransportContext = _WHERE
    can_send_request: bool = False
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        raise NoBackChannelError(method)

    async def notify(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> None:
        """Drop it: a document has no room for it."""

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Drop it: nobody asked."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A request in order, of a revision that begins with `initialize`."""

    request: JSONRPCRequest
    revision: str

    async def answer(
        self, protocol: Server[Any], scope: Scope, send: Callable[[Scope], Awaitable[None]]
    ) -> None:
        """Let the protocol's server handle the request, and send what comes of it as a document."""
        metadata = ServerMessageMetadata(request_context=Request(scope), can_send_request=False)
        way = _Alone(self.request.id, metadata)
        connection = Connection.from_envelope(self.revision, None, None)
        answer: JSONRPCResponse | JSONRPCError
        try:
            result = await serve_one(
                protocol,
                way,
                self.request.method,
                self.request.params,
                connection=connection,
                lifespan_state={},
            )
            answer = JSONRPCResponse(jsonrpc="2.0", id=self.request.id, result=result)
        except Exception as error:  # noqa: BLE001 (whatever it is, the guest is told as much as the SDK tells)
            answer = JSONRPCError(jsonrpc="2.0", id=self.request.id, error=_told(error))
        body = answer.model_dump_json(by_alias=True, exclude_unset=True).encode()
        headers = [(b"content-type", JSON.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def plain(scope: Scope, message: Mapping[str, Any]) -> Plain | None:
    """Return the request that a POST's message is, if it is in order and the handlers can take it as it is."""
    headers = dict(scope["headers"])
    revision = headers.get(_VERSION, b"").decode("latin-1")
    if revision not in HANDSHAKE_PROTOCOL_VERSIONS or headers.get(b"content-type") != JSON.encode():
        return None
    if JSON.encode() not in headers.get(b"accept", b"") or message.get("method") == INITIALIZE:
        return None
    try:
        return Plain(JSONRPCRequest.model_validate(message, by_name=False), revision)
    except ValidationError:
        return None


def _told(error: Exception) -> ErrorData:
    known = handler_exception_to_error_data(error)
    if known is not None:
        return known
    logger.error("a request of an agent failed", exc_info=error)
    return ErrorData(code=INTERNAL_ERROR, message="It failed. The log says why.")
