"""A transport to ships over HTTP, and an owner at its other end that does what a test says."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from pydantic import SecretStr

from monolith.contracts.call import Call
from monolith.contracts.contract import contract_of
from monolith.contracts.errors import ContractError
from monolith.contracts.tokens import Signer
from monolith.contracts.transports.breaker import State
from monolith.contracts.transports.http import HttpTransport
from monolith.contracts.wire import write_error
from tests.monolith.promised.ships import Ships, Vessel
from tests.monolith.scripted_owner import (
    Behaviour,
    ScriptedOwner,
    answers,
    scripted_owner,
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
