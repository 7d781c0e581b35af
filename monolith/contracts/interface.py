"""How a contract says what its operations are: queries unless marked, commands, and the one gate."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from monolith.contracts.errors import DeclaredError

IDEMPOTENCY_KEY: Final = "idempotency_key"
MAX_KEY: Final = 200  # characters: it is part of an index, whose rows PostgreSQL bounds
KEY_PATTERN: Final = r"^[^\x00]*$"  # NUL is in no text that PostgreSQL holds
_MARKS: Final = "__monolith_operation__"


class Interface(Protocol):
    """Base of the Interfaces that contracts declare: a Protocol with keyword-only methods."""


class Kind(enum.StrEnum):
    """What an operation does to its owner."""

    QUERY = "query"  # reads; may be retried
    COMMAND = "command"  # writes; repeats by idempotency key
    GATE = "gate"  # the one query that may block a write


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How the gate behaves for its callers."""

    on_failure: Any  # the answer when the gate cannot be asked; must deny
    callers: frozenset[str]  # the only modules that may require it
    ceiling_s: float  # an answer is kept this long at most; longer spares calls, and a revoked right lives on
    until: Callable[[Any], datetime | None]  # when an answer stops being true by itself
    changed_by: str = ""  # the event of the same contract after which callers forget all answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What decorators said about one operation."""

    kind: Kind = Kind.QUERY
    errors: tuple[type[DeclaredError], ...] = ()
    gate: Gate | None = None


def marks_of(method: Callable[..., Any]) -> Marks:
    """Return what decorators said about a method of an Interface."""
    marks = getattr(method, _MARKS, None)
    return marks if isinstance(marks, Marks) else Marks()


def _marked[F: Callable[..., Any]](method: F, marks: Marks) -> F:
    setattr(method, _MARKS, marks)
    return method


def raises[F: Callable[..., Any]](*errors: type[DeclaredError]) -> Callable[[F], F]:
    """Declare which errors callers must expect of an operation."""

    def mark(method: F) -> F:
        return _marked(method, replace(marks_of(method), errors=(*marks_of(method).errors, *errors)))

    return mark


def command[F: Callable[..., Any]](method: F) -> F:
    """Mark an operation that writes. It takes `idempotency_key: str`, and runs in one transaction with its record.

    Callers learn by InvalidCall that a key is longer than MAX_KEY characters, or has a NUL character.
    """
    return _marked(method, replace(marks_of(method), kind=Kind.COMMAND))


def _never(_answer: Any) -> None:
    return None


def gate[F: Callable[..., Any]](
    *,
    on_failure: Any,
    callers: Sequence[str],
    ceiling_s: float = 5.0,
    until: Callable[[Any], datetime | None] = _never,
    changed_by: str = "",
) -> Callable[[F], F]:
    """Mark the one query that may block a write: kept for `ceiling_s` seconds, `on_failure` when it cannot be asked.

    `changed_by` names an event of the same contract: once it is published, every process forgets what it kept. Callers
    need no subscriber of it.
    """
    rules = Gate(
        on_failure=on_failure,
        callers=frozenset(callers),
        ceiling_s=ceiling_s,
        until=until,
        changed_by=changed_by,
    )

    def mark(method: F) -> F:
        return _marked(method, replace(marks_of(method), kind=Kind.GATE, gate=rules))

    return mark
