"""Calls to another process as their caller sees them, whatever the other process does."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from monolith.contracts import (
    CallerRefused,
    DeadlineExceeded,
    InvalidCall,
    InvalidResult,
    ProviderFailure,
    TransportFailure,
    wire,
)
from monolith.contracts.errors import ContractError
from monolith.contracts.tokens import Caller, Verifier
from monolith.contracts.transports.breaker import State
from monolith.contracts.transports.http import HttpTransport
from monolith.logs import request_id
from tests.monolith.contracts_http import (
    ARK,
    FOUND,
    KEY,
    SHORT_S,
    SLACK_S,
    breaker_of,
    call,
    mute_owner,
    opened,
    owner,
    refused,
    rename,
    transport,
)
from tests.monolith.promised.ships import VesselUnknown
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

__all__ = ["owner", "transport"]  # fixtures


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
    assert len(owner.received) <= 1  # none where a busy machine took all the time there was to connect


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
