"""One execution worker in this process: what it says of orders that others may have begun, and how it ends."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from apps.agent.execution.configuration import Configuration
from apps.agent.execution.link import CONSUMER
from apps.agent.execution.worker import CLAIM_KEPT, Worker
from contracts.agent import CallRequest, ExecutionFailed, ExecutionStarted, ExecutionSucceeded, StartExecution
from monolith.events.broker import Outgoing
from monolith.events.envelope import Envelope, read_envelope
from monolith.testing.memory_broker import MemoryBroker

TENANT: Final = "acme"
ENVIRONMENT: Final = "test"
CONFIGURATION: Final = Configuration.read({"AGENT_CALL_TIMEOUT_S": "1"})
SAID: Final = tuple(
    kind.message_type.name for kind in (ExecutionStarted, ExecutionSucceeded, ExecutionFailed)
)


class BrokenBroker(MemoryBroker):
    """A broker whose client has a fault of its own in one of its methods."""

    breaks = ""

    def publish(self, messages: Sequence[Outgoing]) -> int:
        if self.breaks == "publish":
            raise RuntimeError("publish")
        return super().publish(messages)

    def claim(self, name: str, *, holder: str, ttl: timedelta | None = None) -> str:
        if self.breaks == "claim" and name == "agent.execution":
            raise RuntimeError("claim")
        return super().claim(name, holder=holder, ttl=ttl)


@pytest.fixture
def broker() -> BrokenBroker:
    made = BrokenBroker()
    made.converge({"agent": SAID, CONSUMER.name: CONSUMER.types})
    return made


def order(broker: MemoryBroker, *, start_before: datetime) -> UUID:
    """Order a call that goes where nothing is listed, so that an attempt is refused."""
    command = StartExecution(
        call_id=uuid4(), request=CallRequest(url="http://a.example/"), start_before=start_before
    )
    envelope = Envelope(
        id=uuid4(),
        type=command.message_type.name,
        version=1,
        tenant=TENANT,
        key=command.partition_key,
        occurred_at=datetime.now(UTC),
        correlation_id="",
        causation_id="",
        producer="agent",
        environment=ENVIRONMENT,
        payload=command.model_dump(mode="json"),
    )
    broker.publish([Outgoing(envelope.id, envelope.type, envelope.to_json().encode())])
    return command.call_id


def worker_of(broker: MemoryBroker) -> Worker:
    return Worker(broker, environment=ENVIRONMENT, configuration=CONFIGURATION)


def end_of(broker: MemoryBroker) -> dict[str, Any] | None:
    """Return what was said of how the call ended."""
    told = [read_envelope(message.body) for message in broker.taken.values()]
    return next((dict(each.payload) for each in told if each.type == SAID[2]), None)


def work_until(broker: MemoryBroker, done: Callable[[], object]) -> None:
    async def run() -> None:
        stopping = asyncio.Event()
        working = asyncio.create_task(worker_of(broker).run(stopping))
        async with asyncio.timeout(20):
            while not done():
                await asyncio.sleep(0.01)
            stopping.set()
            await working

    asyncio.run(run())


@pytest.mark.parametrize(
    ("late_by", "is_claimed", "reason"),
    [
        (timedelta(0), False, "expired"),
        (timedelta(0), True, "outcome_unknown"),
        (CLAIM_KEPT, False, "outcome_unknown"),
    ],
)
def test_an_order_that_comes_too_late_is_unknown_if_somebody_may_have_begun_it(
    broker: BrokenBroker, late_by: timedelta, is_claimed: bool, reason: str
) -> None:
    call = order(broker, start_before=datetime.now(UTC) - late_by)
    if is_claimed:
        broker.claim(f"execution:{TENANT}:{call}", holder="another", ttl=CLAIM_KEPT)

    work_until(broker, lambda: end_of(broker))

    said = end_of(broker)
    assert said is not None
    assert (said["reason"], said["may_have_happened"]) == (reason, reason == "outcome_unknown")


@pytest.mark.parametrize("part", ["publish", "claim"])
def test_a_worker_ends_when_a_part_of_it_fails(broker: BrokenBroker, part: str) -> None:
    order(broker, start_before=datetime.now(UTC) + timedelta(minutes=5))
    broker.breaks = part

    with pytest.raises(RuntimeError, match=part):
        asyncio.run(asyncio.wait_for(worker_of(broker).run(asyncio.Event()), 10))
