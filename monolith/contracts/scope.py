"""What travels with a call and down the chain of calls it leads to: deadline, tenant, actor, budget.

A ContextVar like the current module: it follows `await` and in-process calls by itself, HTTP calls by header and
token.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from monolith.contracts.errors import CallBudgetExceeded
from monolith.logs import request_id
from monolith.scope import NOWHERE, CallScope, call_scope, reset_call_scope, set_call_scope

__all__ = [
    "NOWHERE",
    "Budget",
    "CallScope",
    "acting",
    "call_budget",
    "call_scope",
    "correlated",
    "correlation_id",
    "deadline",
    "reset_call_scope",
    "set_call_scope",
]


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


@contextmanager
def _traveling(scope: CallScope) -> Iterator[None]:
    token = set_call_scope(scope)
    try:
        yield
    finally:
        reset_call_scope(token)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give every contract call in the block, and what it calls in turn, `seconds` from now at most."""
    scope = call_scope()
    moment = time.monotonic() + seconds
    earliest = moment if scope.deadline is None else min(moment, scope.deadline)
    with _traveling(replace(scope, deadline=earliest)):
        yield


@contextmanager
def acting(*, tenant: str | None = None, actor: str | None = None) -> Iterator[None]:
    """Make calls in the block on behalf of a tenant and an actor; what is not given stays as it is."""
    scope = call_scope()
    tenant = scope.tenant if tenant is None else tenant
    actor = scope.actor if actor is None else actor
    with _traveling(replace(scope, tenant=tenant, actor=actor)):
        yield


def correlation_id() -> str:
    """Return what the work here belongs to: as it came with a job or a message, else the request's id; may be empty."""
    return call_scope().correlation or request_id.get()


@contextmanager
def correlated(*, correlation: str, causation: str = "") -> Iterator[None]:
    """Let what the block calls, enqueues and publishes belong to `correlation`, caused by the message `causation`."""
    with _traveling(replace(call_scope(), correlation=correlation, causation=causation)):
        yield


@contextmanager
def call_budget(limit: int) -> Iterator[Budget]:
    """Allow `limit` contract calls in the block, those that they lead to in this process included."""
    budget = Budget(limit)
    with _traveling(replace(call_scope(), budget=budget)):
        yield budget
