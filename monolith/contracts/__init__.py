"""Contracts: what modules promise each other, and how calls get there.

Import it from contracts and modules, never from what settings import: it needs Ninja.
"""

from monolith.contracts.asynchronous import acall
from monolith.contracts.decisions import forget_decisions
from monolith.contracts.dispatcher import require
from monolith.contracts.errors import (
    BreakerOpen,
    CallBudgetExceeded,
    CallerRefused,
    CallError,
    CallInTransaction,
    CallWhileReading,
    ContractError,
    DeadlineExceeded,
    DeclaredError,
    IdempotencyConflict,
    InvalidCall,
    InvalidResult,
    MessageUnreadable,
    ProviderFailure,
    RequirementNotDeclared,
    TooManyCalls,
    TransportFailure,
)
from monolith.contracts.interface import Interface, command, gate, raises
from monolith.contracts.messages import Command, Event, upcaster
from monolith.contracts.schema import OpenEnum, Schema, UtcDatetime
from monolith.contracts.scope import acting, call_budget, call_scope, deadline
from monolith.tools.offer import Tag, tool

__all__ = [
    "BreakerOpen",
    "CallBudgetExceeded",
    "CallError",
    "CallInTransaction",
    "CallWhileReading",
    "CallerRefused",
    "Command",
    "ContractError",
    "DeadlineExceeded",
    "DeclaredError",
    "Event",
    "IdempotencyConflict",
    "Interface",
    "InvalidCall",
    "InvalidResult",
    "MessageUnreadable",
    "OpenEnum",
    "ProviderFailure",
    "RequirementNotDeclared",
    "Schema",
    "Tag",
    "TooManyCalls",
    "TransportFailure",
    "UtcDatetime",
    "acall",
    "acting",
    "call_budget",
    "call_scope",
    "command",
    "deadline",
    "forget_decisions",
    "gate",
    "raises",
    "require",
    "tool",
    "upcaster",
]
