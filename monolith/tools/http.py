"""`/mcp` on the private tier: streamable HTTP, with a token in each request and nothing kept between requests.

So any process answers any request. What the protocol calls a stream, progress and the like, is the answer of the
request that it belongs to. The metadata of RFC 9728 says where a token is from, for clients that ask.
"""

import gc
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any, Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from monolith.composition import composed
from monolith.http.connections import give_back_connections, keep_open
from monolith.http.limits import LIMITS_ATTRIBUTE
from monolith.http.problems import problem_response
from monolith.serving.ending import on_ending
from monolith.tools import cancelling
from monolith.tools.addresses import PATH, metadata_of, resource_of
from monolith.tools.bridge import AT_ONCE, Application, Bridge, Busy, accepts_events
from monolith.tools.offer import Tag
from monolith.tools.registry import tools
from monolith.tools.scopes import FRAMEWORK
from monolith.tools.tokens import authenticate

MAX_BODY: Final = 1024 * 1024
GUEST: Final = "monolith.guest"  # in a scope, for the tools
ASKED: Final = "monolith.asked"
SESSION: Final = "Mcp-Session-Id"
_BEARER: Final = "bearer"  # in whatever case: RFC 9110, 11.1
SPARED: Final = 8  # threads of a server, for everybody who is no agent
# Connections of each pool that stay open once an agent has come: pools make new ones one at a time, and a tool may look
# at all modules. No more, because the limit of a module's role is for all processes.
KEPT: Final = 3
_at_once = AT_ONCE
_bridge: Bridge | None = None
_making = threading.Lock()


def _forget_bridge() -> None:
    """Let a forked process make its own: the loop's thread is not in it, nor is whoever held the lock."""
    global _bridge, _making
    _bridge, _making = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_bridge)


@csrf_exempt  # a token in a header is nothing that a browser sends by itself
def endpoint(request: HttpRequest) -> HttpResponseBase:
    """Answer a request of an agent."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not _is_own(request):
        return problem_response(request, 403, detail="A page of another origin asks here.")
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    identity = authenticate(secret.strip()) if scheme.lower() == _BEARER else None
    give_back_connections()  # the tool takes one in another thread
    if identity is None:
        return _unauthorized(request)
    from monolith.tools.server import Guest

    asked = cancelling.read(identity, request.headers.get(SESSION, ""), request.body)
    asked.cancel_named()
    scope = _scope(request) | {GUEST: Guest(identity, copy_context()), ASKED: asked}
    try:
        answer = bridge().ask(scope, request.body, asked.remember)
    except Busy:
        return problem_response(
            request, 503, detail="Too many agents ask at once.", headers={"Retry-After": "1"}
        )
    response: HttpResponseBase
    if answer.is_events:
        response = StreamingHttpResponse(answer.parts, status=answer.status)
    else:
        response = HttpResponse(b"".join(answer.parts), status=answer.status)
    for name, value in answer.headers:
        if name not in ("connection", "content-length"):
            response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    if asked.begins:
        response.headers[SESSION] = cancelling.new_session()
    return response


setattr(endpoint, LIMITS_ATTRIBUTE, {"POST": MAX_BODY})


def metadata(request: HttpRequest) -> HttpResponse:
    """Answer where a token is from and what it may say (RFC 9728)."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    modules = [FRAMEWORK, *composed().modules]
    issuers = composed().environment.tools_issuers
    return JsonResponse(
        {
            "resource": resource_of(request),
            "resource_name": "FastMonolith",
            "bearer_methods_supported": ["header"],
            "scopes_supported": [f"{tag}:{module}" for module in modules for tag in Tag],
            **({"authorization_servers": list(issuers)} if issuers else {}),
        }
    )


def leave_threads(threads: int) -> None:
    """Let agents use so many of a server's threads that some are left to everybody else; before the first request."""
    global _at_once
    _at_once = max(1, threads - SPARED)


def bridge() -> Bridge:
    """Return this process's way to the MCP server; the first request makes it."""
    global _bridge
    if _bridge is None or not _bridge.is_alive:
        with _making:
            if _bridge is None or not _bridge.is_alive:
                _bridge = _made()
    return _bridge


def _made() -> Bridge:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings

    from monolith.tools.server import Context, Guest, ToolServer

    async def identify(context: Context) -> Guest:
        request: Any = context.request
        guest: Guest = request.scope[GUEST]
        return guest

    tools()  # here, where one thread makes what others wait for, and not in each that calls first
    protocol = ToolServer(identify).protocol
    # Host and origin are checked before it: Django knows which names are ours.
    open_ = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    streams, documents = (
        StreamableHTTPSessionManager(
            protocol,
            json_response=as_document,
            stateless=True,
            security_settings=open_,
            max_request_body_size=MAX_BODY,
        )
        for as_document in (False, True)
    )

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with streams.run(), documents.run():
            yield

    keep_open(KEPT)
    made = Bridge(application_of(protocol, streams, documents), lifespan, at_once=_at_once)
    on_ending(made.cancel_all)
    gc.freeze()  # the SDK is large; see monolith.serving
    return made


def application_of(protocol: Any, streams: Any, documents: Any) -> Application:
    """Return the ASGI application of a protocol's server and its two transports, of which one answers by documents."""
    from monolith.tools.document import single_exchange

    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked = scope[ASKED]
        # A document where nothing else would be in the stream. Whoever takes no events is refused by `streams`, as the
        # protocol asks: to them nothing could be written while a call runs.
        if not accepts_events(scope) or asked.wants_progress:
            await streams.handle_request(scope, receive, send)
        elif not asked.begins and (exchange := single_exchange(scope, asked.message)):
            await exchange.answer(protocol, scope, send)
        else:
            await documents.handle_request(scope, receive, send)

    return application


def _scope(request: HttpRequest) -> dict[str, Any]:
    headers = [
        (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in request.headers.items()
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": request.META.get("QUERY_STRING", "").encode(),
        "root_path": "",
        "headers": [pair for pair in headers if pair[0] != b"authorization"],
        "server": (request.get_host().partition(":")[0], int(request.get_port())),
        "client": None,
    }


def _is_own(request: HttpRequest) -> bool:
    origin = request.META.get("HTTP_ORIGIN", "")
    return not origin or urlsplit(origin).netloc == request.get_host()


def _unauthorized(request: HttpRequest) -> HttpResponse:
    response = problem_response(request, 401, detail="Show a token: Authorization: Bearer …")
    response.headers["WWW-Authenticate"] = f'Bearer resource_metadata="{metadata_of(request)}"'
    return response
