"""A broker of each kind for a test, and what tests do with any of them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

import pytest

from monolith.embedded import PostgresCluster
from monolith.events.broker import Broker, Delivery, Outgoing, Reader
from monolith.events.errors import OutOfStep
from tests.monolith.events.brokers_rigs import MemoryRig, NatsRig, PostgresqlRig, Rig
from tests.nats_server import NatsServer, nats_server

WAIT_S: Final = 10.0  # for what comes; nothing is waited for that long unless it does not come
QUIET_S: Final = 0.3  # for what must not come

SERVERS: Final = ("nats", "postgresql")
on_servers: Final = pytest.mark.parametrize(
    "rig", SERVERS, indirect=True
)  # what memory cannot do, or has no need of

Open = Callable[..., Broker]


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(params=[*SERVERS, "memory"])
def rig(request: pytest.FixtureRequest) -> Rig:
    if request.param == "memory":
        return MemoryRig()
    if request.param == "nats":
        return NatsRig(request.getfixturevalue("nats"))
    from django.db import connections

    request.getfixturevalue("committed_db")
    cluster: PostgresCluster = request.getfixturevalue("cluster")
    return PostgresqlRig(cluster, str(connections["default"].settings_dict["NAME"]))


@pytest.fixture
def open_(rig: Rig) -> Iterator[Open]:
    made: list[Broker] = []

    def one(**changed: Any) -> Broker:
        made.append(rig.open(**changed))
        return made[-1]

    yield one
    for each in made:
        each.close()


@pytest.fixture
def broker(open_: Open) -> Broker:
    """A broker with one consumer, `chat`, that wants knowledge's changes."""
    made = open_()
    made.converge({"chat": ["knowledge.NoteChanged"]})
    return made


def notes(*bodies: str, type_: str = "knowledge.NoteChanged") -> list[Outgoing]:
    return [Outgoing(uuid4(), type_, body.encode()) for body in bodies]


def numbered(count: int, start: int = 0) -> list[Outgoing]:
    return notes(*map(str, range(start, start + count)))


def reading(broker: Broker, consumer: str = "chat", *, after: int = 0) -> Reader:
    reader = broker.reader(consumer)
    reader.start_after(after)
    return reader


def read(reader: Reader, count: int, *, limit: int = 500) -> list[Delivery]:
    """Return the next `count` messages, in as many fetches as it takes."""
    found: list[Delivery] = []
    while len(found) < count:
        more = reader.fetch(limit=limit, wait_s=WAIT_S)
        assert more, f"{len(found)} of {count} came"
        assert len(more) <= limit
        found += more
    return found


def read_on(reader: Reader, count: int, *, after: int) -> list[Delivery]:
    """Return `count` messages after a position, beginning again as often as something was missed."""
    found: list[Delivery] = []
    reader.start_after(after)
    while len(found) < count:
        try:
            found += read(reader, 1)
        except OutOfStep:
            reader.start_after(found[-1].position if found else after)
    return found


def texts(deliveries: Sequence[Delivery]) -> list[str]:
    return [each.body.decode() for each in deliveries]


def read_texts(reader: Reader, count: int) -> list[str]:
    return texts(read(reader, count))


def keep_all(broker: Broker, messages: Sequence[Outgoing]) -> None:
    assert broker.publish(messages) == len(messages)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what a broker does in its own time, after an acknowledgement."""
    ended = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        if holds():
            return
        ended.wait(0.02)
    raise AssertionError("it did not come to be")
