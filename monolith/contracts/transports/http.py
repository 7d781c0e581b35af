"""To another process by HTTP: POST /contracts/<module>/<operation> with the arguments as JSON.

httpcore and not httpx: a call needs no redirects, cookies, proxies or netrc, a request without them takes three fifths
of the time, and the pool has a documented place for connections that know a deadline.
"""

import logging
import os
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, Final

import httpcore2

from monolith.addresses import remote_origin
from monolith.contracts.call import Call, refuse_late
from monolith.contracts.contract import Operation
from monolith.contracts.errors import DeadlineExceeded, TransportFailure
from monolith.contracts.interface import Kind
from monolith.contracts.scope import correlation_id
from monolith.contracts.tokens import Caller, Signer
from monolith.contracts.transports.breaker import Breaker, State
from monolith.contracts.transports.connections import Network, ending
from monolith.contracts.transports.limits import CallLimit
from monolith.contracts.transports.retries import pauses
from monolith.contracts.wire import DEADLINE, MAX_RESULT, PREFIX, read_answer, write_arguments
from monolith.http.identity import HEADER as REQUEST_ID
from monolith.telemetry import outgoing_headers

logger = logging.getLogger("monolith.contracts")

KEPT_S: Final = 30.0  # an idle connection; proxies on the way close older ones themselves
NOT_FOUND: Final = 404
TELLING_S: Final = 0.1  # a call that was given less than this says nothing about the module when it is over


class HttpTransport:
    """Carries calls to the process at `url`; from several threads, and after a fork."""

    is_remote = True

    def __init__(self, module: str, url: str, signer: Signer, *, timeout_s: float, concurrency: int) -> None:
        self._module = module
        self._signer = signer
        self._timeout_s = timeout_s
        self._concurrency = concurrency
        self._scheme, self._host, self._port = remote_origin(url)
        self._ssl_context = httpcore2.default_ssl_context() if self._scheme == "https" else None
        self._host_header = (
            f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"
        )
        self._urls: dict[str, httpcore2.URL] = {}
        self.renew()
        _transports.add(self)

    def renew(self) -> None:
        """Begin with a closed breaker and no connection. A fork's child must: locks and sockets are its parent's."""
        self.breaker = Breaker(self._module)
        self._limit = CallLimit(self._module, self._concurrency)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=self._ssl_context,
            max_connections=self._concurrency,
            keepalive_expiry=KEPT_S,
            network_backend=Network(),
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()

    def carry(self, call: Call) -> Any:
        """Return the provider's result by the call's deadline, or MONOLITH_CONTRACT_TIMEOUT_S without one.

        Raises what the contract declares, and every CallError.
        """
        refuse_late(call)
        body = write_arguments(call)
        until = time.monotonic() + self._timeout_s if call.deadline is None else call.deadline
        label = call.operation.label
        with self._limit.place(label, wait_s=until - time.monotonic()):
            for pause in _pauses(call.operation):
                try:
                    return self._attempt(call, body, until)
                except TransportFailure as failure:
                    if self.breaker.state is not State.CLOSED or time.monotonic() + pause >= until:
                        raise
                    logger.info("%s is tried again in %.2f s: %s", label, pause, failure.detail)
                time.sleep(pause)
            return self._attempt(call, body, until)

    def _attempt(self, call: Call, body: bytes, until: float) -> Any:
        self.breaker.admit(call.operation.label)
        is_telling = until - time.monotonic() >= TELLING_S
        status = 0  # none yet
        try:
            status, text = self._exchange(call, body, until)
            answer = read_answer(call.operation, status, text)
        except BaseException as error:
            self._tell_breaker(error, status, is_telling=is_telling)
            raise
        self.breaker.succeeded()
        return answer

    def _tell_breaker(self, error: BaseException, status: int, *, is_telling: bool) -> None:
        is_unreadable = isinstance(error, TransportFailure)
        # An owner that says itself that it is too late lives, and so does one without this one operation, as in a
        # roll-out.
        if status == NOT_FOUND or (status and not is_unreadable):
            self.breaker.succeeded()
        elif is_unreadable or (isinstance(error, DeadlineExceeded) and is_telling):
            self.breaker.failed()
        else:
            self.breaker.undecided()

    def _exchange(self, call: Call, body: bytes, until: float) -> tuple[int, bytes]:
        """Send a call; return the status and body of the answer."""
        label, left = call.operation.label, until - time.monotonic()
        try:
            with (
                ending(until),
                self._pool.stream(
                    "POST",
                    self._url(call.operation),
                    headers=self._headers(call, left),
                    content=body,
                    extensions={"timeout": {"pool": left}},
                ) as response,
            ):
                return response.status, b"".join(_limited(label, response.iter_stream()))
        except httpcore2.TimeoutException:
            raise DeadlineExceeded(label, f"'{self._module}' did not answer in time") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise TransportFailure(label, f"there is no answer from '{self._module}' ({reason})") from error

    def _url(self, operation: Operation) -> httpcore2.URL:
        url = self._urls.get(operation.path)
        if url is None:
            target = f"{PREFIX}{operation.path}"
            url = httpcore2.URL(scheme=self._scheme, host=self._host, port=self._port, target=target)
            self._urls[operation.path] = url
        return url

    def _headers(self, call: Call, left: float) -> list[tuple[str, str]]:
        token = self._signer.token(Caller(call.caller, call.tenant, call.actor, call.reads_only))
        current = correlation_id()
        return [
            ("Host", self._host_header),
            ("Authorization", f"Bearer {token}"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
            (DEADLINE, f"{left:.3f}"),
            *([(REQUEST_ID, current)] if current else []),
            *outgoing_headers().items(),
        ]


_transports: "weakref.WeakSet[HttpTransport]" = weakref.WeakSet()


def _renew_all() -> None:
    for transport in list(_transports):
        transport.renew()


os.register_at_fork(after_in_child=_renew_all)


def _pauses(operation: Operation) -> Iterable[float]:
    # What writes may have happened, whatever became of its answer: its caller repeats it, with its key.
    return () if operation.kind is Kind.COMMAND else pauses()


def _limited(label: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_RESULT:
            raise TransportFailure(label, f"the answer is larger than the {MAX_RESULT} bytes that cross")
        yield chunk
