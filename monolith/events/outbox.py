"""The outbox of the current module: rows that leave when a broker has confirmed them. The SQL is in `queries`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

from monolith.composition import composed
from monolith.context import current_module
from monolith.events.broker import MAX_BATCH_BYTES, Outgoing
from monolith.jobs.records import fetch

_QUERIES: Final = files("monolith.events") / "queries"


def statement(name: str) -> str:
    """Return the text of a query by the name of its file."""
    return (_QUERIES / f"{name}.sql").read_text()


_PUBLISH: Final = statement("publish")
_DUE: Final = statement("due")
_LOOK: Final = statement("look")
_SENT: Final = statement("sent")
_CANCEL: Final = statement("cancel")
_RESCHEDULE: Final = statement("reschedule")
_BACKLOG: Final = statement("backlog")
_DISCARD_FOREIGN: Final = statement("discard_foreign")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message as it is written down."""

    id: UUID
    type: str
    partition_key: str
    envelope: str
    deliver_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits for the broker."""

    unsent: int
    oldest_s: float  # since the oldest of them may go; 0 when none does
    timers: int  # whose time has not come
    foreign: int  # written in other environments; never sent


def add(drafts: Sequence[Draft]) -> None:
    """Write messages down, in their order."""
    _here(
        _PUBLISH,
        module=current_module(),
        ids=[draft.id for draft in drafts],
        types=[draft.type for draft in drafts],
        partition_keys=[draft.partition_key for draft in drafts],
        envelopes=[draft.envelope for draft in drafts],
        deliver_at=[draft.deliver_at for draft in drafts],
    )


def promote_due(limit: int) -> int:
    """Make messages ready whose time has come; returns how many."""
    return len(_here(_DUE, limit=limit))


def look(limit: int) -> tuple[list[Outgoing], float | None]:
    """Return what the broker does not have yet, in the order of sending, and the seconds until a timer is due.

    At most a batch, in bytes too; None when no timer waits.
    """
    rows = _here(_LOOK, limit=limit, max_bytes=MAX_BATCH_BYTES)
    messages = [Outgoing(message, kind, envelope.encode()) for _, message, kind, envelope in rows if message]
    return messages, rows[0][0]


def unsent(limit: int) -> list[Outgoing]:
    """Return what the broker does not have yet, in the order of sending: at most a batch in bytes, too."""
    return look(limit)[0]


def next_due_s() -> float | None:
    """Return the seconds until a message is due that waits for its time; None when none does."""
    return look(0)[1]


def sent(messages: Sequence[Outgoing]) -> None:
    """Forget what the broker has confirmed."""
    fetch(_SENT, ids=[message.id for message in messages])


def cancel(message: UUID) -> bool:
    """Take a message back whose time has not come; returns whether it was there."""
    return bool(fetch(_CANCEL, id=message))


def reschedule(message: UUID, deliver_at: datetime) -> bool:
    """Let a message come at another time; returns whether its time had not come."""
    return bool(fetch(_RESCHEDULE, id=message, deliver_at=deliver_at, module=current_module()))


def backlog() -> Backlog:
    """Return what waits."""
    ready, oldest_s, timers, foreign = _here(_BACKLOG)[0]
    return Backlog(unsent=ready, oldest_s=oldest_s or 0.0, timers=timers, foreign=foreign)


def discard_foreign(only: str = "") -> dict[str, int]:
    """Delete what was written in other environments, or in `only` one of them; returns how many of each."""
    return dict(_here(_DISCARD_FOREIGN, only=only))


def _here(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    return fetch(sql, environment=composed().environment.environment, **parameters)
