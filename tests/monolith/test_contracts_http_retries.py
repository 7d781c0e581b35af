"""When a call to another process is tried again, and when it is not even tried."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from monolith.contracts import (
    BreakerOpen,
    DeadlineExceeded,
    ProviderFailure,
    TooManyCalls,
    TransportFailure,
)
from monolith.contracts.transports import http
from monolith.contracts.transports.breaker import FAILURES, State
from monolith.contracts.transports.http import HttpTransport
from monolith.contracts.transports.retries import ATTEMPTS
from tests.monolith.contracts_http import (
    ARK,
    FOUND,
    SHORT_S,
    breaker_of,
    call,
    opened,
    owner,
    refused,
    rename,
    transport,
)
from tests.monolith.promised.ships import VesselUnknown
from tests.monolith.scripted_owner import (
    ScriptedOwner,
    answers,
    closes,
    hangs,
)

__all__ = ["owner", "transport"]  # fixtures

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
