"""Events and commands in a test: what was published can be looked at, and is delivered on demand.

    def test_a_walk_is_remembered(events):
        with entering("hikes"), atomic():
            publish(WalkPublished(slug="helvellyn"))
        events.deliver()
        assert events.published(WalkPublished) == [WalkPublished(slug="helvellyn")]

`deliver()` moves what outboxes hold through a broker in memory to the subscribers' inboxes and runs them, until all is
quiet. Time is the fixture `jobs`'s: `jobs.travel(hours=1)` lets timers fire, `events.deliver_for(hours=1)` lets time
pass while everything runs.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from monolith.composition import composed
from monolith.context import entering
from monolith.contracts.messages import Message
from monolith.events import inbox, outbox
from monolith.events.broker import MAX_BATCH, Reader
from monolith.events.envelope import Envelope, read_envelope
from monolith.events.registry import consumers, subscribers_by_type
from monolith.events.relay import relay_once
from monolith.models import OutboxMessage
from monolith.testing.jobs import Jobs, NeverQuiet, Run, jobs_in_test
from monolith.testing.memory_broker import MemoryBroker

MAX_ROUNDS: Final = 1000
LOOK_S: Final = 0.02  # between two looks at what another process does, which this one cannot await


class Events:
    """The messages of every module of the test's process."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.broker = MemoryBroker()
        self.broker.converge(consumers())
        self._readers: dict[str, tuple[Reader, int]] = {}

    def deliver(self, *, raising: bool = True) -> list[Run]:
        """Deliver what was published and run what is due, until nothing is; returns the attempts in their order.

        Raises what a subscriber or a job raises, unless `raising` is false; NeverQuiet when it does not end.
        """
        runs: list[Run] = []
        for _ in range(MAX_ROUNDS):
            moved = self._relay() + self._consume()
            found = self.jobs.run_due(raising=raising)
            runs += found
            if not moved and not found:
                return runs
        raise NeverQuiet(f"messages lead to messages without end; {len(runs)} jobs ran")

    def deliver_for(self, *, raising: bool = True, **span: float) -> list[Run]:
        """Let time pass while everything runs: `deliver_for(hours=6)` fires timers and schedules when they are due."""
        until = datetime.now(UTC) + timedelta(**span)
        runs = self.deliver(raising=raising)
        while (due := self._next_due()) is not None and due <= until:
            self.jobs.travel(to=max(due, datetime.now(UTC)))
            runs += self.deliver(raising=raising)
        self.jobs.travel(to=until)
        return runs

    def envelopes(self, message: type[Message] | None = None) -> list[Envelope]:
        """Return what was published since the fixture was made and is still in an outbox or was delivered, in order."""
        taken = [read_envelope(each.body) for each in self.broker.taken.values()]
        waiting = [read_envelope(text) for module in composed().modules for text in self._outbox(module)]
        return [
            envelope
            for envelope in [*taken, *waiting]
            if message is None or envelope.type == message.message_type.name
        ]

    def published[M: Message](self, message: type[M]) -> list[M]:
        """Return the messages of a type that were published or sent, in order."""
        read = message.message_type.read
        found = (read(dict(envelope.payload), envelope.version) for envelope in self.envelopes(message))
        return [each for each in found if isinstance(each, message)]

    def _relay(self) -> int:
        self.broker.converge(consumers())  # as they are declared now: a test may add subscribers
        moved = 0
        for module in composed().modules:
            with entering(module):
                moved += relay_once(self.broker)
        return moved

    def _consume(self) -> int:
        moved = 0
        for module in composed().modules:
            if not subscribers_by_type(module):
                continue
            with entering(module):
                reader, position = self._readers.get(module) or self._begin(module)
                deliveries = reader.fetch(limit=MAX_BATCH, wait_s=0)
                if deliveries:
                    inbox.keep(module, reader.stream, position, deliveries)
                    reader.acknowledge(deliveries[-1].position)
                    moved += len(deliveries)
                    position = deliveries[-1].position
                self._readers[module] = reader, position
        return moved

    def _begin(self, module: str) -> tuple[Reader, int]:
        reader = self.broker.reader(module)
        position = inbox.begin(reader.stream)
        reader.start_after(position)
        return reader, position

    def _next_due(self) -> datetime | None:
        ahead = [self.jobs.seconds_to_next()]
        for module in composed().modules:
            with entering(module):
                ahead.append(outbox.next_due_s())
        known = [seconds for seconds in ahead if seconds is not None]
        return datetime.now(UTC) + timedelta(seconds=min(known)) if known else None

    def _outbox(self, module: str) -> list[str]:
        with entering(module):
            return list(OutboxMessage.objects.order_by("position").values_list("envelope", flat=True))


def wait_for[T](found: Callable[[], T | None], *, seconds: float = 10.0, what: str = "it") -> T:
    """Return what `found` returns once that is something, looked at again and again; for tests of real processes.

    Raises TimeoutError after `seconds`.
    """
    ends = time.monotonic() + seconds
    while (value := found()) is None:
        if time.monotonic() > ends:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(LOOK_S)
    return value


@contextmanager
def events_in_test() -> Iterator[Events]:
    """Return what the fixture `events` is, for tests that have no fixtures."""
    with jobs_in_test() as jobs:
        yield Events(jobs)


@pytest.fixture
def events(jobs: Jobs) -> Events:
    """The messages of every module, delivered on demand in the test's process; jobs and time are the fixture `jobs`."""
    return Events(jobs)
