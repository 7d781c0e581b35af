"""What travels with a piece of work and down the chain of work it leads to: tenant, actor, deadline, budget, ids.

A ContextVar like the current module. It stands below `monolith.contracts`, which gives its vocabulary (`acting`,
`deadline`, …), because log lines and the database engine read it, and settings import those.
"""

from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Protocol


class CallBudget(Protocol):
    """How many contract calls one request has made, and may make."""

    limit: int
    used: int

    def spend(self, operation: str) -> None:
        """Count one call; raises CallBudgetExceeded when there is none left."""


@dataclass(frozen=True, slots=True)
class CallScope:
    """What travels."""

    deadline: float | None = None  # time.monotonic() by which the caller must have its answer
    tenant: str = ""  # on whose data; from a token, never from a parameter
    actor: str = ""  # who asked: a person or a process outside
    budget: CallBudget | None = None
    correlation: str = ""  # what all of this belongs to; passes unchanged
    causation: str = ""  # id of the message that is being handled
    reads_only: bool = (
        False  # each statement runs in a transaction that PostgreSQL lets read and nothing else
    )


NOWHERE = CallScope()
_current: ContextVar[CallScope] = ContextVar("monolith_call_scope", default=NOWHERE)


def call_scope() -> CallScope:
    """Return what travels with calls from here."""
    return _current.get()


def set_call_scope(scope: CallScope) -> Token[CallScope]:
    """Let `scope` travel with calls until `reset_call_scope` is called with the returned token."""
    return _current.set(scope)


def reset_call_scope(token: Token[CallScope]) -> None:
    """Undo `set_call_scope`."""
    _current.reset(token)
