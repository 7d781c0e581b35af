"""What can go wrong in agent, each with what to do about it.

AgentError
├── NoTenantError             nobody said for which tenant
├── AgentDeniedError          compliance does not let someone do this
├── IdempotencyConflictError  the key stands for another request
├── RequestRefusedError       a request that is not taken
├── CallNotFoundError         the tenant has no such call
├── CallMovedOnError          the call is not scheduled any more
├── CallNotTakenYetError      what is asked of a call came before orchestration took it
├── LockHeldError             another holds the lock
├── LockLostError             the lock is not, or no longer, held by that id
├── RoutineNotFoundError      the tenant has no such routine job
├── RoutineMovedOnError       the routine job does not stand where the step begins
├── KeyInUseError             the key stands for another job or question
├── DecisionNotFoundError     the tenant has no such decision
└── DecisionOverError         it was decided, or has expired, or there is no such option
"""

from datetime import datetime
from uuid import UUID


class AgentError(Exception):
    """Base of every error that agent raises."""


class NoTenantError(AgentError):
    """Nobody said for which tenant."""

    def __init__(self) -> None:
        super().__init__("Calls belong to a tenant, and none is acting. Enter one: `with acting(tenant=…)`.")


class AgentDeniedError(AgentError):
    """Compliance does not let someone do this; `missing` says what would let them."""

    def __init__(self, subject: str, action: str, resource: str, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(f"{subject} may not {action} on {resource}. Missing: {'; '.join(missing)}.")


class IdempotencyConflictError(AgentError):
    """The key stands for another request."""

    def __init__(self, key: str, call_id: UUID) -> None:
        self.call_id = call_id
        super().__init__(
            f"The idempotency key '{key}' stands for call {call_id}, whose name, request or due time differs. "
            "Send the same again to get that call, or another key for another call."
        )


class RequestRefusedError(AgentError):
    """A request that is not taken; `field` is where in it."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        super().__init__(reason)


class CallNotFoundError(AgentError):
    """The tenant has no such call."""

    def __init__(self, call_id: UUID) -> None:
        super().__init__(
            f"This tenant has no call {call_id}. GET /api/agent/tenants/<tenant>/calls lists its calls."
        )


class CallMovedOnError(AgentError):
    """The call is not scheduled any more."""

    def __init__(self, call_id: UUID, status: str) -> None:
        super().__init__(f"Call {call_id} is {status}; only one that is Scheduled can be moved or cancelled.")


class CallNotTakenYetError(AgentError):
    """What is asked of a call came before orchestration took it; it is tried again until then."""

    def __init__(self, call_id: UUID) -> None:
        super().__init__(
            f"Call {call_id} was submitted, and orchestration has not taken it yet. Nothing is to be done: this is "
            "tried again. If it goes on, look why take_call did not handle the call's SubmitServiceCall."
        )


class LockHeldError(AgentError):
    """Another holds the lock."""

    def __init__(self, name: str, holder: str, expires_at: datetime) -> None:
        self.expires_at = expires_at
        super().__init__(f"'{name}' is held by {holder} until {expires_at.isoformat()}; try again then.")


class LockLostError(AgentError):
    """The lock is not, or no longer, held by that id."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' is not held by that id, or ran out. Stop what it guards, then take it anew."
        )


class RoutineNotFoundError(AgentError):
    """The tenant has no such routine job."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__(
            f"This tenant has no routine job {job_id}. GET /api/agent/tenants/<tenant>/routine-jobs lists its jobs."
        )


class RoutineMovedOnError(AgentError):
    """The routine job does not stand where the step begins."""

    def __init__(self, job_id: UUID, status: str, needed: str) -> None:
        super().__init__(
            f"Routine job {job_id} is {status}, and this takes one that is {needed}. "
            "Look at the job before you do its work again; claim another one to go on."
        )


class KeyInUseError(AgentError):
    """The key stands for another job or question."""

    def __init__(self, what: str, id_: UUID) -> None:
        super().__init__(f"The key stands for {what} {id_}, which says something else. Use another key.")


class DecisionNotFoundError(AgentError):
    """The tenant has no such decision."""

    def __init__(self, decision_id: UUID) -> None:
        super().__init__(
            f"This tenant has no decision {decision_id}. GET /api/agent/tenants/<tenant>/decisions lists its decisions."
        )


class DecisionOverError(AgentError):
    """It was decided, or has expired, or there is no such option."""

    def __init__(self, decision_id: UUID, reason: str) -> None:
        super().__init__(f"Decision {decision_id}: {reason}.")
