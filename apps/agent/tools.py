"""What outside agents can do: have calls made, share work by locks and routine jobs, and ask people.

The tenant is the token's, and row-level security holds every row to it. A token reads the rows of its tenant; for each
write the gate is asked about `token:<name>`, as it is about users. A repeated call does nothing twice: keys that agents
choose count within their token.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from apps.agent import decisions, locks, permission, queries, routines, standing, submissions
from apps.agent.errors import (
    AgentError,
    CallNotFoundError,
    DecisionNotFoundError,
    IdempotencyConflictError,
    NoTenantError,
    RoutineNotFoundError,
)
from apps.agent.models import Decision, DecisionStatus, RoutineStatus, Status
from apps.agent.tool_schemas import (
    Call,
    CallPage,
    Claim,
    ClaimedRoutine,
    DecisionPage,
    DecisionShown,
    HeldLock,
    Key,
    Life,
    LockName,
    LockPage,
    Name,
    Object,
    Options,
    Question,
    Released,
    Routine,
    RoutinePage,
    SubmittedCall,
    Ttl,
    Worker,
)
from contracts.agent import CallName, CallRequest
from monolith import atomic
from monolith.contracts import UtcDatetime, call_scope
from monolith.tools import Tag, tool
from monolith.tools.errors import ToolRefused
from monolith.tools.pages import After, Limit, page_of, shown
from monolith.tools.refusals import Advice, refusing

MAX_AHEAD: Final = timedelta(days=366)
_KEYS: Final = UUID("6e0c8f0e-4c0b-4f0c-9d57-0d5b0a3c8a52")  # the namespace of ids that keys stand for
_ADVICE: Final[Advice] = {
    NoTenantError: "This token has none; ask for one that is made for a tenant.",
    CallNotFoundError: "agent_list_calls lists its calls.",
    RoutineNotFoundError: "agent_list_routine_jobs lists its jobs.",
    DecisionNotFoundError: "agent_list_decisions lists its decisions.",
}


@tool(tag=Tag.READ)
def list_calls(
    *, status: Status | None = None, name: CallName | None = None, limit: Limit = 20, after: After = ""
) -> CallPage:
    """List calls to outside services, latest due first; one that was just submitted may not be among them yet."""
    with _reading():
        found = queries.calls(status=status, name=name)
        return page_of(CallPage, found, order=("-due_at", "-id"), after=after, limit=limit)


@tool(tag=Tag.READ)
def get_call(*, call_id: UUID) -> Call:
    """Return one call, with its outcome once it has ended."""
    with _reading():
        return shown(Call, queries.call(call_id))


@tool(tag=Tag.EXECUTE, cost=10)
def submit_call(
    *, idempotency_key: Key, name: CallName, request: CallRequest, due_at: UtcDatetime | None = None
) -> SubmittedCall:
    """Have a call made to an outside service, once, at its due time or at once.

    The same key with the same name, request and due time is the same call; it counts within this token, so the call is
    listed under an id that stands for it. A request carries no credentials.
    """
    if due_at is None:
        due_at = datetime(2000, 1, 1, tzinfo=UTC)  # over, so at once; and the same when it is sent again
    _require_soon(due_at)
    with refusing(AgentError, advice=_ADVICE):
        host = submissions.host_of(request)
        _permit(permission.CALL, f"host:{host}")
        # Calls of people have keys as well, which count within the tenant: no other key is this id.
        own_key = str(_id("call", idempotency_key))
        try:
            call_id, is_new = submissions.submit(
                name=name, request=request, due_at=due_at, idempotency_key=own_key
            )
        except IdempotencyConflictError as error:
            raise IdempotencyConflictError(idempotency_key, error.call_id) from error
    return SubmittedCall(id=call_id, is_new=is_new)


@tool(tag=Tag.EXECUTE)
def reschedule_call(*, call_id: UUID, due_at: UtcDatetime) -> Call:
    """Ask for a call to be made at another time; it is, unless it begins before that is seen to."""
    _require_soon(due_at)
    with _writing(permission.CHANGE, f"call:{call_id}"):
        submissions.reschedule(call_id=call_id, due_at=due_at)
        return _call(call_id)


@tool(tag=Tag.EXECUTE)
def cancel_call(*, call_id: UUID) -> Call:
    """Ask for a call not to be made; it fails as cancelled, unless it begins before that is seen to."""
    with _writing(permission.CHANGE, f"call:{call_id}"):
        submissions.cancel(call_id=call_id)
        return _call(call_id)


@tool(tag=Tag.READ)
def list_locks(*, limit: Limit = 20, after: After = "") -> LockPage:
    """List locks by name: who holds them, and until when."""
    with _reading():
        return page_of(LockPage, queries.locks(), order=("name",), after=after, limit=limit)


@tool(tag=Tag.EXECUTE)
def acquire_lock(*, name: LockName, ttl_s: Ttl, worker: Worker = "") -> HeldLock:
    """Hold a name that nobody holds, or whose holder let its time pass, for `ttl_s` seconds.

    The id in the answer is the proof, new each time. While it is held, asking again is refused, also to its holder.
    `worker` tells those that share a token apart.
    """
    with _writing(permission.LOCK, f"lock:{name}"):
        return shown(HeldLock, locks.acquire(name=name, holder=_holder(worker), ttl=timedelta(seconds=ttl_s)))


@tool(tag=Tag.EXECUTE)
def extend_lock(*, name: LockName, lock_id: UUID, ttl_s: Ttl) -> HeldLock:
    """Hold a lock for `ttl_s` seconds from now; refused once its time is over: stop what it guards then."""
    with _writing(permission.LOCK, f"lock:{name}"):
        return shown(HeldLock, locks.extend(name=name, lock_id=lock_id, ttl=timedelta(seconds=ttl_s)))


@tool(tag=Tag.EXECUTE)
def release_lock(*, name: LockName, lock_id: UUID) -> Released:
    """Let go of a lock; where it is held by another id nothing happens."""
    with _writing(permission.LOCK, f"lock:{name}"):
        return Released(name=name, released=locks.release(name=name, lock_id=lock_id))


@tool(tag=Tag.READ)
def list_routine_jobs(
    *, status: RoutineStatus | None = None, limit: Limit = 20, after: After = ""
) -> RoutinePage:
    """List routine jobs, newest first; those that are Unknown wait for a person."""
    with _reading():
        found = standing.routine_jobs(status)
        page = page_of(RoutinePage, found, order=("-created_at", "-id"), after=after, limit=limit)
        now = standing.now()
        items = [each.model_copy(update={"status": standing.of_job(each, now)}) for each in page.items]
        return page.model_copy(update={"items": items})


@tool(tag=Tag.EXECUTE)
def add_routine_job(*, idempotency_key: Key, name: Name, payload: Object | None = None) -> Routine:
    """Put up work for whoever claims it. The same key again is the same job."""
    with _writing(permission.ROUTINE, f"routine:{name}"):
        job = routines.add(name=name, payload=payload or {}, job_id=_id("routine", idempotency_key))
        return shown(Routine, job)


@tool(tag=Tag.EXECUTE)
def claim_routine_job(
    *, idempotency_key: Key, ttl_s: Ttl, name: Name | None = None, worker: Worker = ""
) -> Claim:
    """Take the oldest routine job that is ready, of that name if one is given.

    Without a heartbeat within `ttl_s` seconds it falls into doubt, and a person says what became of it. The same key
    again is the same claim, with the job as it stands now; take another key for another job.
    """
    with _writing(permission.ROUTINE, f"routine:{name or 'any'}"):
        found = routines.claim(
            holder=_holder(worker),
            ttl=timedelta(seconds=ttl_s),
            name=name or "",
            claim_id=_id("claim", idempotency_key),
        )
        return Claim(job=None if found is None else shown(ClaimedRoutine, found))


@tool("extend_claim", tag=Tag.EXECUTE)
def beat(*, job_id: UUID, claim_id: UUID, ttl_s: Ttl) -> Routine:
    """Show that the work on a routine job goes on: the claim holds for `ttl_s` seconds from now."""
    with _writing(permission.ROUTINE, f"routine:{job_id}"):
        return shown(
            Routine, routines.heartbeat(job_id=job_id, claim_id=claim_id, ttl=timedelta(seconds=ttl_s))
        )


@tool(tag=Tag.EXECUTE)
def complete_routine_job(
    *, job_id: UUID, claim_id: UUID, succeeded: bool, result: Object | None = None
) -> Routine:
    """Report how the work on a routine job went, once; refused when the claim ran out."""
    with _writing(permission.ROUTINE, f"routine:{job_id}"):
        return shown(
            Routine,
            routines.complete(job_id=job_id, claim_id=claim_id, succeeded=succeeded, result=result or {}),
        )


@tool(tag=Tag.READ)
def list_decisions(
    *, status: DecisionStatus | None = None, limit: Limit = 20, after: After = ""
) -> DecisionPage:
    """List questions to people, newest first."""
    with _reading():
        page = page_of(
            DecisionPage, standing.decisions(status), order=("-created_at", "-id"), after=after, limit=limit
        )
        now = standing.now()
        items = [each.model_copy(update={"status": standing.of_decision(each, now)}) for each in page.items]
        return page.model_copy(update={"items": items})


@tool(tag=Tag.READ)
def get_decision(*, decision_id: UUID) -> DecisionShown:
    """Return one question: Open, Decided with the choice, or Expired."""
    with _reading():
        found = queries.own(Decision).filter(id=decision_id).first()
        if found is None:
            raise DecisionNotFoundError(decision_id)
        answer = shown(DecisionShown, found)
        return answer.model_copy(update={"status": standing.of_decision(answer, standing.now())})


@tool(tag=Tag.PROPOSE)
def ask_decision(
    *, idempotency_key: Key, question: Question, options: Options, life_s: Life = 86_400
) -> DecisionShown:
    """Put a question to people with the answers to choose from, for `life_s` seconds; look later what they chose.

    The same key again is the same question.
    """
    with _writing(permission.DECIDE, "decision:new"):
        decision = decisions.ask(
            question=question,
            options=options,
            expires_at=datetime.now(UTC) + timedelta(seconds=life_s),
            decision_id=_id("decision", idempotency_key),
        )
        return shown(DecisionShown, decision)


@contextmanager
def _reading() -> Iterator[None]:
    with refusing(AgentError, advice=_ADVICE), atomic():
        yield


@contextmanager
def _writing(action: str, resource: str) -> Iterator[None]:
    with refusing(AgentError, advice=_ADVICE):
        _permit(action, resource)
        yield


def _permit(action: str, resource: str) -> None:
    queries.tenant()  # grants are a tenant's: without one there is nothing to ask about
    permission.require_permission(subject=call_scope().actor, action=action, resource=resource)


def _call(call_id: UUID) -> Call:
    with atomic():
        return shown(Call, queries.call(call_id))


def _holder(worker: str) -> str:
    return f"{call_scope().actor}/{worker}" if worker else call_scope().actor


def _id(kind: str, key: str) -> UUID:
    """Return what a key of this token stands for, so that nobody else's does."""
    scope = call_scope()
    return uuid5(_KEYS, "\n".join((kind, scope.tenant, scope.actor, key)))


def _require_soon(due_at: datetime) -> None:
    if due_at > datetime.now(UTC) + MAX_AHEAD:
        raise ToolRefused(f"`due_at` is more than {MAX_AHEAD.days} days ahead; choose an earlier time.")
