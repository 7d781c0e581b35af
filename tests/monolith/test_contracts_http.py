"""Calls to another process as their caller sees them, whatever the other process does."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import pytest
from pydantic import SecretStr

from monolith.contracts import (
    BreakerOpen,
    CallerRefused,
    DeadlineExceeded,
    InvalidCall,
    InvalidResult,
    ProviderFailure,
    TooManyCalls,
    TransportFailure,
    wire,
)
from monolith.contracts.call import Call
from monolith.contracts.contract import contract_of
from monolith.contracts.errors import ContractError
from monolith.contracts.tokens import Caller, Signer, Verifier
from monolith.contracts.transports import http
from monolith.contracts.transports.breaker import FAILURES, State
from monolith.contracts.transports.http import HttpTransport
from monolith.contracts.transports.retries import ATTEMPTS
from monolith.contracts.wire import write_error
from monolith.logs import request_id
from tests.monolith.promised.ships import Ships, Vessel, VesselUnknown
from tests.monolith.scripted_owner import (
    CERTIFICATE,
    Behaviour,
    ScriptedOwner,
    answers,
    closes,
    floods,
    hangs,
    scripted_owner,
    sends,
    trickles,
)

KEY: Final = SecretStr("a key of calls to ships" + "." * 16)
OPERATIONS: Final = contract_of(Ships).operations
ARK: Final = Vessel(mmsi=1, name="Ark")
FOUND: Final = answers(ARK.model_dump_json().encode())
SHORT_S: Final = 0.25  # a deadline
SLACK_S: Final = 0.25  # more than a busy machine needs to notice that it is over


@pytest.fixture
def owner() -> Iterator[ScriptedOwner]:
    with scripted_owner() as owner:
        yield owner


@pytest.fixture
def transport(owner: ScriptedOwner) -> Iterator[HttpTransport]:
    with opened(owner.url) as transport:
        yield transport


@contextmanager
def opened(url: str, concurrency: int = 4) -> Iterator[HttpTransport]:
    transport = HttpTransport("ships", url, Signer("ships", [KEY]), timeout_s=5, concurrency=concurrency)
    try:
        yield transport
    finally:
        transport.close()


@contextmanager
def mute_owner(scheme: str) -> Iterator[HttpTransport]:
    """An owner that neither reads nor writes: the system accepts in its place."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with opened(f"{scheme}://127.0.0.1:{port}") as transport:
            yield transport


def call(operation: str = "get", /, *, within_s: float | None = None, **arguments: Any) -> Call:
    deadline = None if within_s is None else time.monotonic() + within_s
    return Call(OPERATIONS[operation], arguments or {"mmsi": 1}, "hikes", deadline, "acme", "user:7")


def rename() -> Call:
    return call("rename", idempotency_key="k", mmsi=1, name="Ark")


def breaker_of(transport: HttpTransport) -> State:
    return transport.breaker.state


def refused(error: ContractError) -> Behaviour:
    status, body = write_error(OPERATIONS["get"], error)
    return answers(body, f"{status} No")


def test_call_is_one_request_with_its_arguments_as_json(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    owner.behave(FOUND)

    assert transport.carry(call(mmsi=7, name="Ark")) == ARK

    [request] = owner.received
    assert request.line == "POST /contracts/ships/get HTTP/1.1"
    assert json.loads(request.body) == {"mmsi": 7, "name": "Ark"}
    assert request.headers["host"] == owner.url.removeprefix("http://")
    assert request.headers["content-type"] == "application/json"


def test_caller_tenant_and_actor_travel_in_the_token_alone(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    owner.behave(FOUND)
    transport.carry(call())

    [request] = owner.received
    token = request.headers["authorization"].removeprefix("Bearer ")
    assert Verifier("ships", [KEY]).caller(token) == Caller("hikes", "acme", "user:7")
    assert "acme" not in str({name: v for name, v in request.headers.items() if name != "authorization"})


@pytest.mark.parametrize(("within_s", "told"), [(2.0, 2.0), (None, 5.0)])
def test_owner_is_told_how_long_the_caller_waits(
    owner: ScriptedOwner, transport: HttpTransport, within_s: float | None, told: float
) -> None:
    owner.behave(FOUND)
    transport.carry(call(within_s=within_s))

    assert told - 1 < float(owner.received[0].headers["x-contract-deadline"]) <= told


def test_id_of_the_request_travels(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(FOUND)
    token = request_id.set("0123456789-000001")
    try:
        transport.carry(call())
    finally:
        request_id.reset(token)
    transport.carry(call())

    assert [request.headers.get("x-request-id") for request in owner.received] == ["0123456789-000001", None]


def test_connection_is_used_again(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(FOUND, refused(VesselUnknown(mmsi=1)), FOUND)

    transport.carry(call())
    with pytest.raises(VesselUnknown):
        transport.carry(call())
    transport.carry(call())

    assert (len(owner.received), owner.connections) == (3, 1)


def test_connection_that_the_owner_closed_is_not_used_again(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    closed = threading.Semaphore(0)

    def answers_and_closes(connection: socket.socket) -> None:
        FOUND(connection)
        closes(connection)
        closed.release()

    owner.behave(answers_and_closes)

    for _ in range(3):
        assert transport.carry(rename()) == ARK
        assert closed.acquire(
            timeout=10
        )  # a request that crosses the closing on its way is lost, and rightly so
    assert owner.connections == 3


@pytest.mark.parametrize(
    "error",
    [
        VesselUnknown(mmsi=7),
        InvalidCall("ships.get", ["mmsi: too large"]),
        InvalidResult("ships.get", ["name: missing"]),
        CallerRefused("ships.get", "no"),
        ProviderFailure("ships.get", "the provider raised an error, ValueError"),
        DeadlineExceeded("ships.get", "late"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_of_the_owner_arrives_as_itself_and_is_not_asked_for_again(
    owner: ScriptedOwner, transport: HttpTransport, error: ContractError
) -> None:
    owner.behave(refused(error))

    with pytest.raises(type(error)) as caught:
        transport.carry(call())

    assert str(caught.value) == str(error)
    assert len(owner.received) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        closes,
        sends(b"\x16\x03\x01 this is no HTTP\r\n\r\n"),
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        sends(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000),
        answers(b"<html>It works!</html>"),
        answers(b""),
        answers(b'{"mmsi": 1, "name": "\xff"}'),
        answers(b"", "204 No Content"),
        answers(b"", "302 Found", "Location: /contracts/ships/get"),
        answers(b"<html>Sign in</html>", "401 Unauthorized"),
        answers(b'{"type": "about:blank"}', "404 Not Found"),
        answers(b'{"type": "urn:fastmonolith:ships:made-up", "data": {}}', "409 Conflict"),
        answers(b'{"type": "urn:fastmonolith:ships:vessel-unknown", "data": {"mmsi": "x"}}', "404 No"),
        answers(b'{"type": 7}', "500 No"),
        answers(b"[]", "500 No"),
        answers(b"no healthy upstream", "503 Service Unavailable"),
        floods,
    ],
)
def test_what_is_no_answer_is_a_transport_failure(
    owner: ScriptedOwner, transport: HttpTransport, behaviour: Behaviour
) -> None:
    owner.behave(behaviour)

    with pytest.raises(TransportFailure):
        transport.carry(rename())

    assert len(owner.received) == 1


def test_answer_of_another_shape_is_an_invalid_result(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(answers(b'{"mmsi": "one"}'))

    with pytest.raises(InvalidResult, match="mmsi"):
        transport.carry(call())


def test_nobody_listening_is_a_transport_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        opened(f"http://127.0.0.1:{port}") as transport,
        pytest.raises(TransportFailure, match="ConnectError"),
    ):
        transport.carry(call())


@pytest.mark.parametrize("name", ["nowhere.invalid", "no..where", "n" * 64])
def test_name_without_an_address_is_a_transport_failure(name: str) -> None:
    with (
        opened(f"http://{name}:8001") as transport,
        pytest.raises(TransportFailure, match="ConnectError"),
    ):
        transport.carry(call())


@pytest.fixture
def encrypted() -> Iterator[ScriptedOwner]:
    with scripted_owner(tls=True) as owner:
        owner.behave(FOUND)
        yield owner


def test_https_reaches_an_owner_whose_certificate_is_trusted(
    encrypted: ScriptedOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with opened(encrypted.url) as transport:
        assert [transport.carry(call()), transport.carry(call())] == [ARK, ARK]
    assert encrypted.connections == 1


def test_owner_whose_certificate_is_not_trusted_is_told_nothing(encrypted: ScriptedOwner) -> None:
    with (
        opened(encrypted.url) as transport,
        pytest.raises(TransportFailure, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        transport.carry(rename())
    assert encrypted.received == []


def test_owner_that_hangs_before_it_encrypts_keeps_no_caller_beyond_its_deadline() -> None:
    with mute_owner("https") as transport:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            transport.carry(call(within_s=SHORT_S))
        assert time.monotonic() - started < SHORT_S + SLACK_S


@pytest.mark.parametrize(
    "behaviour",
    [
        hangs,
        trickles(b""),
        trickles(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    ],
    ids=["silent", "slow from the start", "slow headers", "slow body"],
)
@pytest.mark.parametrize("name", ["get", "rename"])
def test_no_owner_keeps_a_caller_beyond_its_deadline(
    owner: ScriptedOwner, transport: HttpTransport, behaviour: Behaviour, name: str
) -> None:
    owner.behave(behaviour)
    arguments = {"mmsi": 1} if name == "get" else {"idempotency_key": "k", "mmsi": 1, "name": "Ark"}
    started = time.monotonic()

    with pytest.raises(DeadlineExceeded):
        transport.carry(call(name, within_s=SHORT_S, **arguments))

    assert SHORT_S <= time.monotonic() - started < SHORT_S + SLACK_S
    assert len(owner.received) == 1


def test_owner_that_does_not_read_keeps_no_caller_beyond_its_deadline() -> None:
    with mute_owner("http") as transport:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            transport.carry(call(within_s=SHORT_S, mmsi=1, name="x" * (wire.MAX_ARGUMENTS - 100)))
        assert time.monotonic() - started < SHORT_S + SLACK_S


def test_call_whose_time_is_over_is_not_sent_and_costs_no_connection(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    owner.behave(FOUND)
    transport.carry(call())

    with pytest.raises(DeadlineExceeded):
        transport.carry(call(within_s=0))
    transport.carry(call())

    assert (len(owner.received), owner.connections) == (2, 1)


def test_arguments_that_are_too_large_are_not_sent(owner: ScriptedOwner, transport: HttpTransport) -> None:
    with pytest.raises(InvalidCall, match="at most 4194304 cross"):
        transport.carry(call(mmsi=1, name="x" * wire.MAX_ARGUMENTS))

    assert owner.received == []


# Again, or not.


def test_query_is_tried_again_until_it_is_answered(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(closes, answers(b"", "503 Service Unavailable"), FOUND)

    assert transport.carry(call()) == ARK
    assert len(owner.received) == ATTEMPTS == 3


def test_query_is_not_tried_for_ever(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(closes)

    with pytest.raises(TransportFailure):
        transport.carry(call())
    assert len(owner.received) == ATTEMPTS


def test_gate_is_asked_again(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(closes, answers(b'{"outcome": "allow"}'))

    assert transport.carry(call("allow", subject="user:7")).outcome == "allow"


def test_command_operation_is_sent_once(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(closes, FOUND)

    with pytest.raises(TransportFailure):
        transport.carry(rename())
    assert len(owner.received) == 1


def test_query_is_not_tried_again_when_its_time_would_be_over(
    owner: ScriptedOwner, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "pauses", lambda: iter([60.0]))
    owner.behave(closes)

    with pytest.raises(TransportFailure):
        transport.carry(call(within_s=5))
    assert len(owner.received) == 1


# Not asking.


def test_breaker_opens_after_failures_in_a_row_and_closes_with_an_answer(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    owner.behave(closes)
    for _ in range(FAILURES):
        with pytest.raises(TransportFailure):
            transport.carry(rename())
    assert breaker_of(transport) is State.OPEN

    with pytest.raises(BreakerOpen):
        transport.carry(call())
    assert len(owner.received) == FAILURES

    owner.behave(refused(VesselUnknown(mmsi=1)))
    transport.breaker._probe_at = 0.0
    with pytest.raises(VesselUnknown):
        transport.carry(call())
    assert breaker_of(transport) is State.CLOSED


def test_query_that_opens_the_breaker_is_not_tried_again(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    owner.behave(closes)
    for _ in range(FAILURES - 1):
        with pytest.raises(TransportFailure):
            transport.carry(rename())

    with pytest.raises(TransportFailure):
        transport.carry(call())
    assert len(owner.received) == FAILURES


def test_owner_that_hangs_opens_the_breaker(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(hangs)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(transport.carry, call(within_s=SHORT_S)) for _ in range(FAILURES)]
        assert all(isinstance(future.exception(), DeadlineExceeded | TooManyCalls) for future in waiting)
    with pytest.raises((DeadlineExceeded, BreakerOpen)):
        transport.carry(call(within_s=SHORT_S))

    assert breaker_of(transport) is State.OPEN


def test_callers_in_a_hurry_do_not_open_the_breaker_for_the_others(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    owner.behave(hangs)
    for _ in range(FAILURES + 1):
        with pytest.raises(DeadlineExceeded):
            transport.carry(call(within_s=http.TELLING_S / 10))

    assert breaker_of(transport) is State.CLOSED


def test_answers_of_any_kind_keep_the_breaker_closed(owner: ScriptedOwner, transport: HttpTransport) -> None:
    owner.behave(refused(ProviderFailure("ships.get", "the provider raised an error, KeyError")))
    for _ in range(FAILURES + 1):
        with pytest.raises(ProviderFailure):
            transport.carry(call())

    assert breaker_of(transport) is State.CLOSED


def test_calls_beyond_the_limit_are_refused_and_not_queued(owner: ScriptedOwner) -> None:
    release = threading.Event()

    def waits(connection: socket.socket) -> None:
        release.wait(10)
        FOUND(connection)

    owner.behave(waits)
    with opened(owner.url, concurrency=2) as transport:
        with ThreadPoolExecutor(2) as threads:
            under_way = [threads.submit(transport.carry, call()) for _ in range(2)]
            while len(owner.received) < 2:
                pass
            with pytest.raises(TooManyCalls):  # after a moment
                transport.carry(call())
            with pytest.raises(TooManyCalls):  # at once
                transport.carry(call())
            release.set()
            assert [future.result() for future in under_way] == [ARK, ARK]
        assert transport.carry(call()) == ARK
        assert owner.connections <= 3


def test_many_threads_share_the_connections(owner: ScriptedOwner) -> None:
    owner.behave(FOUND)
    with opened(owner.url, concurrency=8) as transport, ThreadPoolExecutor(8) as threads:
        found = list(threads.map(transport.carry, (call() for _ in range(200))))

    assert found == [ARK] * 200
    assert owner.connections <= 8


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_child_of_a_fork_has_connections_and_a_breaker_of_its_own(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    owner.behave(FOUND)
    transport.carry(call())
    transport._limit._lock.acquire()  # as if another thread were at it when the process forks
    transport.breaker._lock.acquire()

    child = os.fork()
    if child == 0:
        signal.alarm(10)  # were it to wait for a lock that nobody has, its parent would wait for it
        found = transport.carry(call())
        os._exit(0 if found == ARK else 1)
    _, status = os.waitpid(child, 0)
    transport.breaker._lock.release()
    transport._limit._lock.release()

    assert os.waitstatus_to_exitcode(status) == 0
    assert transport.carry(call()) == ARK
    assert owner.connections == 2


def test_owner_that_lacks_one_operation_is_asked_for_others(
    owner: ScriptedOwner, transport: HttpTransport
) -> None:
    owner.behave(*[answers(b'{"type": "about:blank"}', "404 Not Found")] * 30)

    for _ in range(6):
        with pytest.raises(TransportFailure):
            transport.carry(call(mmsi=1))

    assert breaker_of(transport) is State.CLOSED
