"""What travels with a call and down the chain of calls it leads to: deadline, tenant, actor, budget.

A ContextVar like the current module: it follows `await` and in-process calls by itself, HTTP calls by header and
token.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace

from monolith.contracts.errors import CallBudgetExceeded
from monolith.logs import request_id


class Budget:
    """How many contract calls one request has made, and may make."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def spend(self, operation: str) -> None:
        """Count one call; raises CallBudgetExceeded when there is none left."""
        if self.used >= self.limit:
            raise CallBudgetExceeded(operation, self.limit)
        self.used += 1


@dataclass(frozen=True, slots=True)
class CallScope:
    """What travels."""

    deadline: float | None = None  # time.monotonic() by which the caller must have its answer
    tenant: str = ""  # on whose data; from a token, never from a parameter
    actor: str = ""  # who asked: a person or a process outside
    budget: Budget | None = None
    correlation: str = ""  # what all of this belongs to; passes unchanged
    causation: str = ""  # id of the message that is being handled


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


@contextmanager
def _traveling(scope: CallScope) -> Iterator[None]:
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give every contract call in the block, and what it calls in turn, `seconds` from now at most."""
    scope = _current.get()
    moment = time.monotonic() + seconds
    earliest = moment if scope.deadline is None else min(moment, scope.deadline)
    with _traveling(replace(scope, deadline=earliest)):
        yield


@contextmanager
def acting(*, tenant: str | None = None, actor: str | None = None) -> Iterator[None]:
    """Make calls in the block on behalf of a tenant and an actor; what is not given stays as it is."""
    scope = _current.get()
    tenant = scope.tenant if tenant is None else tenant
    actor = scope.actor if actor is None else actor
    with _traveling(replace(scope, tenant=tenant, actor=actor)):
        yield


def correlation_id() -> str:
    """Return what the work here belongs to: as it came with a job or a message, else the request's id; may be empty."""
    return _current.get().correlation or request_id.get()


@contextmanager
def correlated(*, correlation: str, causation: str = "") -> Iterator[None]:
    """Let what the block calls, enqueues and publishes belong to `correlation`, caused by the message `causation`."""
    with _traveling(replace(_current.get(), correlation=correlation, causation=causation)):
        yield


@contextmanager
def call_budget(limit: int) -> Iterator[Budget]:
    """Allow `limit` contract calls in the block, those that they lead to in this process included."""
    budget = Budget(limit)
    with _traveling(replace(_current.get(), budget=budget)):
        yield budget
