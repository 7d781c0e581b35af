"""The execution worker as its own process, with a real broker and no database: each call once, however it dies."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from apps.agent.execution.__main__ import forbidden
from contracts.agent import (
    CallRequest,
    ExecutionFailed,
    ExecutionStarted,
    ExecutionSucceeded,
    Reason,
    StartExecution,
)
from monolith.events.broker import Broker, Outgoing
from monolith.events.brokers import open_broker
from monolith.events.envelope import Envelope, read_envelope
from tests.apps.agent.echo_server import EchoServer
from tests.apps.agent.execution_process import ENVIRONMENT, ROOT, ExecutionProcess, executing
from tests.nats_server import NatsServer, nats_server

pytestmark = [pytest.mark.slow, pytest.mark.alone]

TOLD: Final = tuple(
    kind.message_type.name for kind in (ExecutionStarted, ExecutionSucceeded, ExecutionFailed)
)
SOON: Final = timedelta(minutes=5)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as running:
        yield running


@pytest.fixture
def broker(server: NatsServer) -> Iterator[Broker]:
    made = open_broker(server.url, environment=ENVIRONMENT)
    made.converge({"agent": TOLD, "agent_execution": [StartExecution.message_type.name]})
    yield made
    made.close()


@pytest.fixture
def worker(
    server: NatsServer, broker: Broker, echo: EchoServer, tmp_path: Path
) -> Iterator[ExecutionProcess]:
    with executing(server.url, echo.origin, tmp_path) as running:
        yield running


def order(url: str, *, tenant: str = "acme", start_before: datetime | None = None) -> tuple[UUID, Outgoing]:
    """Return the id of a call and the command to make it, as agent's outbox would send it."""
    command = StartExecution(
        call_id=uuid4(), request=CallRequest(url=url), start_before=start_before or datetime.now(UTC) + SOON
    )
    envelope = Envelope(
        id=uuid4(),
        type=command.message_type.name,
        version=1,
        tenant=tenant,
        key=command.partition_key,
        occurred_at=datetime.now(UTC),
        correlation_id=f"about {command.call_id}",
        causation_id="",
        producer="agent",
        environment=ENVIRONMENT,
        payload=command.model_dump(mode="json"),
    )
    return command.call_id, Outgoing(envelope.id, envelope.type, envelope.to_json().encode())


class Told:
    """What execution said, as agent's consumer reads it."""

    def __init__(self, broker: Broker) -> None:
        self._reader = broker.reader("agent")
        self._reader.start_after(0)
        self.envelopes: list[Envelope] = []

    def until(self, done: "Callable[[Told], bool]", *, seconds: float = 60) -> "Told":
        ends = time.monotonic() + seconds
        while not done(self):
            assert time.monotonic() < ends, Counter(each.type for each in self.envelopes)
            found = self._reader.fetch(limit=500, wait_s=0.1)
            self.envelopes += [read_envelope(delivery.body) for delivery in found]
        return self

    def ends(self) -> dict[str, Envelope]:
        ended = [each for each in self.envelopes if each.type != ExecutionStarted.message_type.name]
        assert len({each.key for each in ended}) == len(ended), "a call ended twice"
        return {each.key: each for each in ended}

    def reason(self, call_id: UUID) -> str | None:
        envelope = self.ends()[str(call_id)]
        return None if envelope.type == ExecutionSucceeded.message_type.name else envelope.payload["reason"]


def test_the_worker_makes_calls_and_tells_how_they_went(
    broker: Broker, worker: ExecutionProcess, echo: EchoServer
) -> None:
    good, first = order(f"{echo.origin}/echo", tenant="acme")
    bad, second = order(f"{echo.origin}/status?code=500", tenant="other")
    away, third = order("http://elsewhere.example/")
    late, fourth = order(f"{echo.origin}/late", start_before=datetime.now(UTC))
    broker.publish([first, second, third, fourth])

    told = Told(broker).until(lambda told: len(told.ends()) == 4)

    reasons = {call: told.reason(call) for call in (good, bad, away, late)}
    assert reasons == {good: None, bad: "status", away: "refused", late: "expired"}
    assert echo.counts == {"/echo": 1, "/status?code=500": 1}
    ended = told.ends()[str(bad)]
    assert (ended.tenant, ended.correlation_id) == ("other", f"about {bad}")
    assert {each.causation_id for each in told.envelopes if each.key == str(bad)} == {str(second.id)}
    assert worker.stop() == 0


def test_an_order_that_comes_again_is_not_obeyed_again(
    broker: Broker, worker: ExecutionProcess, echo: EchoServer
) -> None:
    call, message = order(f"{echo.origin}/echo")
    broker.publish([message])
    told = Told(broker).until(lambda told: len(told.ends()) == 1)
    # Longer than a broker remembers ids: as a message of another id.
    broker.publish([Outgoing(uuid4(), message.type, message.body)])
    other, probe = order(f"{echo.origin}/status?code=204")
    broker.publish([probe])
    told.until(lambda told: len(told.ends()) == 2)

    assert (told.reason(call), told.reason(other)) == (None, None)
    assert echo.counts["/echo"] == 1


def test_an_attempt_that_was_cut_off_is_unknown_and_not_made_again(
    broker: Broker, worker: ExecutionProcess, echo: EchoServer
) -> None:
    call, message = order(f"{echo.origin}/slow?s=1.5")
    broker.publish([message])
    told = Told(broker).until(lambda told: len(echo.asked) == 1)
    worker.kill()
    worker.start()
    told.until(lambda told: len(told.ends()) == 1)

    assert told.reason(call) == Reason.OUTCOME_UNKNOWN
    assert told.ends()[str(call)].payload["may_have_happened"]
    assert len(echo.asked) == 1


def test_a_worker_that_is_told_to_stop_ends_what_it_began(
    broker: Broker, worker: ExecutionProcess, echo: EchoServer
) -> None:
    call, message = order(f"{echo.origin}/slow?s=1")
    broker.publish([message])
    told = Told(broker).until(lambda told: len(echo.asked) == 1)

    assert worker.stop() == 0
    assert told.until(lambda told: len(told.ends()) == 1).reason(call) is None


def test_of_two_workers_one_reads_and_the_other_takes_over(
    server: NatsServer, broker: Broker, worker: ExecutionProcess, echo: EchoServer, tmp_path: Path
) -> None:
    with executing(server.url, echo.origin, tmp_path) as second:
        orders = dict(order(f"{echo.origin}/echo?n={number}") for number in range(20))
        broker.publish(list(orders.values()))
        told = Told(broker).until(lambda told: len(told.ends()) == 20)
        runs = {each.payload["run"] for each in told.envelopes if "run" in each.payload}
        assert len(runs) == 1
        [leader] = [each for each in (worker, second) if f"/{each.process.pid}/" in next(iter(runs))]  # type: ignore[union-attr]
        leader.kill()
        call, message = order(f"{echo.origin}/echo?n=last")
        broker.publish([message])
        told.until(lambda told: len(told.ends()) == 21)

    assert told.reason(call) is None
    assert set(echo.counts.values()) == {1}


def test_however_often_the_worker_is_killed_each_call_ends_once_with_one_attempt(
    broker: Broker, worker: ExecutionProcess, echo: EchoServer
) -> None:
    choice = random.Random(20261121)
    calls = {}
    for number in range(300):
        path = choice.choice(["/echo?", "/echo?", "/slow?s=0.3&", "/status?code=503&", "/hang-up?"])
        call, message = order(f"{echo.origin}{path}n={number}", tenant=f"tenant-{number % 20}")
        calls[call] = message
    told = Told(broker)
    waiting = list(calls.values())
    for _ in range(6):
        batch, waiting = waiting[:50], waiting[50:]
        broker.publish(batch)
        time.sleep(choice.uniform(0.05, 1.0))  # at random, which is the point
        worker.kill()
        worker.start()
    told.until(lambda told: len(told.ends()) == len(calls), seconds=120)

    reasons = Counter(told.reason(call) for call in calls)
    assert set(reasons) <= {None, "status", "protocol", "outcome_unknown"}, reasons
    assert reasons[None] > 0
    assert max(echo.counts.values()) == 1
    # What was not said to be unknown was asked for, once.
    known = {str(call) for call in calls if told.reason(call) != "outcome_unknown"}
    assert len(known) <= sum(echo.counts.values()) <= len(calls)


def test_the_worker_has_no_database_and_loads_no_model() -> None:
    code = (
        "import sys, apps.agent.execution.__main__\n"
        "found = [name for name in sys.modules if name in ('apps.agent.models', 'monolith.models', 'settings.private')]\n"
        "from django.conf import settings\n"
        "assert not settings.configured\n"
        "print(found)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert shown.stdout.strip() == "[]"


def test_the_worker_refuses_to_have_what_it_does_not_need(
    server: NatsServer, echo: EchoServer, tmp_path: Path
) -> None:
    given = {"DATABASE_URL": "postgresql://127.0.0.1/x", "PGPASSFILE": "/x", "MONOLITH_SECRET_KEY": "x" * 40}
    assert forbidden(given) == sorted(given)
    with executing(server.url, echo.origin, tmp_path, **given) as worker:
        assert worker.process is not None
        assert worker.process.wait(30) == 3
    assert "unset DATABASE_URL, MONOLITH_SECRET_KEY, PGPASSFILE" in worker.log.read_text()
