"""A request of the protocol that is answered by one document, past the streams that the SDK's transport makes for each.

The SDK serves revision 2026-07-28 in this way by itself. For the older ones it makes a stream, a router and a
dispatcher for every request, a fifth of what a short call costs. A valid request goes to the same handlers here. The
transport keeps `initialize`, notifications, requests without a revision, and whatever is no valid request of JSON-RPC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import modern_error_data, serve_one
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.message import MessageMetadata, ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import ValidationError
from starlette.requests import Request
from starlette.types import Scope, Send

JSON: Final = b"application/json"
_REVISION: Final = b"mcp-protocol-version"
_TRANSPORT: Final = TransportContext(kind="streamable-http", can_send_request=False)


@dataclass(slots=True)
class _DispatchContext:
    """A request's way back to its client, on which nothing goes but the answer; what the SDK calls by this name."""

    request_id: RequestId
    message_metadata: MessageMetadata
    transport: TransportContext = _TRANSPORT
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
class SingleExchange:
    """A valid request of a revision that begins with `initialize`, and its answer."""

    request: JSONRPCRequest
    revision: str

    async def answer(self, protocol: Server[Any], scope: Scope, send: Send) -> None:
        """Let the protocol's server handle the request, and send what comes of it as a document."""
        metadata = ServerMessageMetadata(request_context=Request(scope), can_send_request=False)
        try:
            result = await serve_one(
                protocol,
                _DispatchContext(self.request.id, metadata),
                self.request.method,
                self.request.params,
                connection=Connection.from_envelope(self.revision, None, None),
                lifespan_state={},
            )
            body = _written(JSONRPCResponse(jsonrpc="2.0", id=self.request.id, result=result))
        except Exception as error:  # noqa: BLE001 (logged there; a guest hears no more than that there was one)
            body = _written(JSONRPCError(jsonrpc="2.0", id=self.request.id, error=modern_error_data(error)))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", JSON)]})
        await send({"type": "http.response.body", "body": body})


def single_exchange(scope: Scope, message: Mapping[str, Any]) -> SingleExchange | None:
    """Return the request that the message of a POST is; None where the transport has to look at it."""
    headers = dict(scope["headers"])
    revision = headers.get(_REVISION, b"").decode("latin-1")
    if revision not in HANDSHAKE_PROTOCOL_VERSIONS or headers.get(b"content-type") != JSON:
        return None
    if JSON not in {kind.partition(b";")[0].strip() for kind in headers.get(b"accept", b"").split(b",")}:
        return None
    if "result" in message or "error" in message:  # may be an answer, to the transport
        return None
    try:
        return SingleExchange(JSONRPCRequest.model_validate(message, by_name=False), revision)
    except ValidationError:
        return None


def _written(answer: JSONRPCResponse | JSONRPCError) -> bytes:
    return answer.model_dump_json(by_alias=True, exclude_unset=True).encode()
