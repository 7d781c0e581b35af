"""The seam to brokers: a log of messages, and a reader for each module that subscribes to some of their types.

A broker keeps what it confirmed until every consumer that wants it has acknowledged it, gives each message a position
that only grows, and takes a message id once for as long as it keeps the message: one that all consumers have let go of
may be taken again, and what keeps the messages refuses it by its id. The rest is made of that: order, because the relay
sends a module's messages one after the other and a reader gets them by position; once, because the consumer keeps its
position in the transaction that keeps the messages.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

from monolith.events.errors import BrokerUnavailable

logger = logging.getLogger("monolith.events")

MAX_MESSAGE_BYTES: Final = (
    512 * 1024
)  # of one envelope; half of what a NATS server takes unless told otherwise
MAX_BATCH: Final = 500  # messages that are published or fetched at once; NATS takes 1,000 in one atomic batch
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024  # of their bodies; a batch ends with the message that reaches it
# Claims without an end are forgotten then: later than any message is handled that could need them.
CLAIMS_KEPT: Final = timedelta(days=30)
CLAIM_ATTEMPTS: Final = 5  # each lost to another's change between our look and our write


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way to the broker."""

    id: UUID
    type: str  # knowledge.NoteChanged
    body: bytes  # the envelope, as it crosses


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way from the broker."""

    position: int  # in the log; grows, with gaps
    body: bytes
    type: str = ""  # under which the broker was given it, by which it let its sender; empty when nobody knows


class Reader(Protocol):
    """One consumer's way through the log. Only one process reads as one consumer; a second one is noticed."""

    @property
    def stream(self) -> str:
        """Return which log this is: positions of one that was made anew do not compare with the old one's."""
        ...

    def start_after(self, position: int) -> None:
        """Go on after a position (0: from the oldest message that is kept), as the one reader of this consumer.

        Raises BrokerError, BrokerRefused among them when the log ends before the position; and OutOfStep when the log
        was made anew since: look at `stream` again, then decide where to begin.
        """
        ...

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Delivery]:
        """Return what comes next, in order: at once if there is something, else when there is, at most `wait_s` later.

        An empty answer means that nothing came. Raises OutOfStep when something was missed (start_after() again),
        and BrokerError.
        """
        ...

    def acknowledge(self, position: int) -> None:
        """Let the broker forget, as far as this consumer is concerned, what was fetched up to a position.

        To be called once that is kept elsewhere, at least every few thousand messages: a broker may wait for it before
        it sends more. Not confirmed: what is not acknowledged is only kept longer.
        """
        ...

    def close(self) -> None:
        """Stop reading. The consumer stays, and so does what it has not acknowledged."""
        ...


class Broker(Protocol):
    """One broker, as one process uses it. Threads may share it."""

    def converge(self, consumers: Mapping[str, Sequence[str]], *, narrow: bool = False) -> None:
        """Make the log and these consumers as declared: each by name, with the message types that it wants.

        A type that a consumer had and no longer wants is only taken from it with `narrow`: in a roll-out the older
        process must not take away what the newer one asked for. A consumer that is left without types is removed;
        consumers that are not named stay as they are. Until it is called once there is no log: publish() raises.
        Safe to call at once in several processes. Raises BrokerError.
        """
        ...

    def publish(self, messages: Sequence[Outgoing]) -> int:
        """Append messages in their order, each once; returns how many, counted from the first, are safely kept.

        What comes after the first that is not kept is not kept either, so that order holds. A message that is there
        already counts as kept. Raises BrokerError when none was kept.
        """
        ...

    def reader(self, consumer: str) -> Reader:
        """Return the reader of a consumer that `converge` made. Raises BrokerError."""
        ...

    def consumers(self) -> Sequence[str]:
        """Return the names of the consumers that there are, sorted. Raises BrokerError."""
        ...

    def backlog(self, consumer: str) -> int:
        """Return how many messages wait in the broker for a consumer. Raises BrokerError."""
        ...

    def claim(self, name: str, *, holder: str, ttl: timedelta | None = None) -> str:
        """Take a name if it is free, and return whose it is now: `holder` when it is ours, or was before.

        With `ttl` it is free again that much later, unless claimed again by the same holder. For processes that have
        no database: atomic over all processes. Raises BrokerError.
        """
        ...

    def release(self, name: str, *, holder: str) -> None:
        """Let go of a name; of another's nothing happens. Raises BrokerError."""
        ...

    def close(self) -> None:
        """Let go of connections and threads."""
        ...


def batches(messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Cut messages, in their order, into what is published at once."""
    start = size = 0
    for end, message in enumerate(messages, start=1):
        size += len(message.body)
        if end - start == MAX_BATCH or size >= MAX_BATCH_BYTES:
            yield messages[start:end]
            start, size = end, 0
    if start < len(messages):
        yield messages[start:]


def tell_of_gap(consumer: str, position: int, floor: int) -> None:
    """Log that a reader begins before what its consumer has acknowledged, most of which is deleted."""
    logger.error(
        "'%s' goes on after position %d, and has acknowledged up to %d before: its database is an older copy, or its "
        "position was set back. What lies between is read where other consumers still want it, and is gone else; "
        "docs/how-to/dead-letters.md says what can be done",
        consumer,
        position,
        floor,
    )


def contended(name: str) -> BrokerUnavailable:
    """Return the error of a claim whose name was never the same long enough to be taken or told."""
    return BrokerUnavailable(f"the claim of {name} changed hands each time it was looked at; try again")
