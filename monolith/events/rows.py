"""Messages as people are shown them: where they wait, what died, and what led to what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monolith.jobs.rows import JobDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogRow:
    """What waits in one module, on its way out and in."""

    module: str
    unsent: int  # in the outbox, for the broker
    oldest_s: float  # since the oldest of them may go
    timers: int  # in the outbox, for their time
    foreign: int  # in the outbox, written in other environments; never sent
    broker: (
        int | None
    )  # in the broker, for this module; None when it subscribes to nothing or the broker is away
    ready: int  # in the inbox
    running: int
    retrying: int  # they failed and rest
    blocked: int  # for an earlier message of their key
    held: int  # their subscriber is switched off
    parked: int  # keys that a dead letter holds up
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A message that has not left its module."""

    module: str
    id: str
    type: str
    key: str  # with the tenant before it
    status: str
    due_at: datetime
    environment: str
    envelope: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that a subscriber could not handle, or that nobody could be given."""

    module: str
    id: int  # of the job
    subscriber: str  # dotted name; empty when there was none for it
    type: str  # empty when the message could not be read
    message: str  # its id
    key: str  # with the tenant before it
    parks: bool  # later messages of its key wait
    followers: int  # so many
    attempts: int
    error: str  # type of the last one
    died_at: datetime

    @property
    def reference(self) -> str:
        """Names it among the jobs of all modules: hikes/12."""
        return f"{self.module}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """A message that a module keeps for one of its subscribers: the job that hands it over."""

    module: str
    id: int  # of the job
    subscriber: str  # dotted name; empty when there was none for it
    type: str  # empty when the message could not be read
    key: str  # with the tenant before it
    status: str
    attempts: int
    enqueued_at: datetime
    finished_at: datetime | None

    @property
    def reference(self) -> str:
        """Names it among the jobs of all modules: hikes/12."""
        return f"{self.module}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDetails:
    """One message of an inbox with all that is known of it."""

    job: JobDetails
    message: str  # its id
    type: str
    key: str
    parks: bool
    followers: int
    envelope: Mapping[str, Any] | str  # as text where it is no JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberRow:
    """A subscriber, and whether it is given anything."""

    module: str
    name: str  # dotted
    type: str
    versions: tuple[int, ...]  # that it reads
    parks: bool
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """How far a module has read a log."""

    module: str
    stream: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where a message is, or was handled."""

    module: str
    subscriber: str  # empty: it is in the outbox, or nobody could be given it
    status: str
    job: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One message of a correlation, with where it is; those that were sent and forgotten are not known any more."""

    id: str
    type: str
    causation: str  # the message that led to it; empty at the beginning
    occurred_at: datetime
    stops: tuple[Stop, ...]
