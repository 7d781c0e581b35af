"""The one attempt of a call: what is sent, how much is read, and what became of it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import quote, urljoin

import httpcore2

from apps.agent.execution.outbound import Guard, GuardedNetwork, OutboundRefused
from apps.agent.redaction import redact_body, redact_headers, redact_url
from contracts.agent import Answer, CallRequest, Method, Reason

USER_AGENT: Final = "fastmonolith-agent/0.1"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD: Final = frozenset({307, 308})
_SUCCESS: Final = range(200, 300)
_TEXT: Final = ("text/", "application/json", "application/xml", "application/x-www-form-urlencoded")
_SENDING: Final = "http11.send_request_headers.started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one attempt may take."""

    seconds: float = 30.0  # from the first look-up of a name to the last byte, redirects included
    bytes: int = 1_048_576  # of an answer's body
    redirects: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an attempt."""

    reason: Reason | None = None  # None: it succeeded
    may_have_happened: bool = False
    detail: str = ""
    answer: Answer | None = None


class _Ended(Exception):
    """The attempt is over, without success."""

    def __init__(self, reason: Reason, detail: str, answer: Answer | None = None) -> None:
        self.reason = reason
        self.detail = detail
        self.answer = answer
        super().__init__(detail)


@dataclass(slots=True)
class _Progress:
    """How far an attempt got: what was sent may have happened, however it ended."""

    method: str
    url: str
    body: bytes
    hops: int = 0
    sent: bool = False
    began: float = field(default_factory=time.monotonic)

    async def follow_trace(self, name: str, info: Any) -> None:
        self.sent = self.sent or name == _SENDING


async def attempt(request: CallRequest, *, guard: Guard, limits: Limits) -> Outcome:
    """Make a call once and say what became of it, whatever that is; nothing is tried again."""
    progress = _Progress(request.method.value, request.url, request.body.encode())
    try:
        async with asyncio.timeout(limits.seconds):
            return Outcome(answer=await _to_the_end(request, progress, guard, limits))
    except _Ended as end:
        # An answer is known, and so is what was refused at once; a redirect away is neither.
        may_have = end.reason in (Reason.REDIRECTS, Reason.TOO_LARGE)
        return Outcome(reason=end.reason, may_have_happened=may_have, detail=end.detail, answer=end.answer)
    except OutboundRefused as error:
        reason = Reason.REDIRECTS if progress.hops else Reason.REFUSED
        return Outcome(reason=reason, may_have_happened=progress.sent, detail=str(error)[:500])
    except (TimeoutError, httpcore2.TimeoutException):
        reason = Reason.TIMEOUT if progress.sent else Reason.UNREACHABLE
        detail = f"No answer within {limits.seconds:g} s."
        return Outcome(reason=reason, may_have_happened=progress.sent, detail=detail)
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, OSError) as error:
        reason = Reason.PROTOCOL if progress.sent else Reason.UNREACHABLE
        return Outcome(reason=reason, may_have_happened=progress.sent, detail=_said(error))


def _said(error: Exception) -> str:
    return redact_body(f"{type(error).__name__}: {error}")[0][:500]


async def _to_the_end(request: CallRequest, progress: _Progress, guard: Guard, limits: Limits) -> Answer:
    while True:
        guard.require_listed(progress.url)
        response = await _ask(request, progress, guard, limits)
        if response.status not in _REDIRECTS or "location" not in response.headers:
            break
        if progress.hops == limits.redirects:
            raise _Ended(Reason.REDIRECTS, f"More than {limits.redirects} redirects.")
        _turn(progress, response)
    answer = _answer(response, progress)
    if response.status not in _SUCCESS:
        raise _Ended(Reason.STATUS, f"The service answered {response.status}.", answer)
    return answer


def _turn(progress: _Progress, response: "_Response") -> None:
    progress.hops += 1
    location = quote(response.headers["location"], safe="!#$%&'()*+,/:;=?@[]~")
    progress.url = urljoin(progress.url, location).partition("#")[0]
    if response.status not in _KEEP_METHOD and progress.method != Method.HEAD:
        progress.method, progress.body = Method.GET.value, b""


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def _ask(request: CallRequest, progress: _Progress, guard: Guard, limits: Limits) -> _Response:
    # A connection of its own, never kept: one that the other side closed meanwhile would fail what is asked next.
    async with (
        httpcore2.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=GuardedNetwork(guard),
        ) as pool,
        pool.stream(
            progress.method,
            progress.url,
            headers=list(_headers(request, progress).items()),
            content=progress.body or None,
            extensions={"trace": progress.follow_trace},
        ) as response,
    ):
        headers = _joined(response.headers)
        return _Response(response.status, headers, await _read(response, headers, progress, limits))


async def _read(
    response: httpcore2.Response, headers: Mapping[str, str], progress: _Progress, limits: Limits
) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > limits.bytes:
            cut = _Response(response.status, headers, bytes(body[: limits.bytes]))
            detail = f"The answer has more than {limits.bytes:,} bytes; it was not read further."
            raise _Ended(Reason.TOO_LARGE, detail, _answer(cut, progress, is_cut=True))
    return bytes(body)


def _headers(request: CallRequest, progress: _Progress) -> dict[str, str]:
    sent = {name: value for name, value in request.headers.items() if value.strip() == value}
    names = {name.lower() for name in sent}
    if "user-agent" not in names:
        sent["User-Agent"] = USER_AGENT
    if not progress.body:
        sent = {name: value for name, value in sent.items() if name.lower() != "content-type"}
    # As it is: what unpacks to much more than came would get past the limit on its size.
    sent = {name: value for name, value in sent.items() if name.lower() != "accept-encoding"}
    return sent | {"Accept-Encoding": "identity", "Connection": "close"}


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw, value in headers:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _answer(response: _Response, progress: _Progress, *, is_cut: bool = False) -> Answer:
    kind = response.headers.get("content-type", "").lower()
    packed = response.headers.get("content-encoding", "identity") != "identity"
    if response.body and (
        packed or not (kind.startswith(_TEXT) or kind.partition(";")[0].endswith(("+json", "+xml")))
    ):
        text, cut = f"[{len(response.body):,} bytes that are no text]", True
    else:
        text, cut = redact_body(response.body.decode("utf-8", "replace"))
    return Answer(
        status=response.status,
        url=redact_url(progress.url),
        headers=redact_headers(response.headers),
        body=text,
        is_cut=cut or is_cut,
        elapsed_ms=round((time.monotonic() - progress.began) * 1e3, 3),
    )


@cache
def _tls() -> SSLContext:
    return httpcore2.default_ssl_context()
