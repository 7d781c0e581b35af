"""Routes for outside agents that share work: locks, routine jobs and decisions."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Path, Query, Router, Status

from apps.agent import decisions, locks, permission, queries, routines
from apps.agent.edge import reading, writing
from apps.agent.models import RoutineStatus
from apps.agent.schemas import (
    Choice,
    Claim,
    ClaimedRoutine,
    Completion,
    DecisionFilter,
    DecisionOut,
    DecisionPage,
    Heartbeat,
    HeldLock,
    LockExtension,
    LockName,
    LockPage,
    LockRelease,
    NewDecision,
    NewLock,
    NewRoutine,
    Paging,
    Resolution,
    RoutineFilter,
    RoutineOut,
    RoutinePage,
    Tenant,
)
from monolith import atomic
from monolith.http.problems import ProblemSchema

coordination = Router()

REFUSED = {403: ProblemSchema, 422: ProblemSchema}
NOT_THERE = {**REFUSED, 404: ProblemSchema}
TOO_LATE = {**NOT_THERE, 409: ProblemSchema}


@coordination.get("/{tenant}/locks", response={200: LockPage, **REFUSED}, summary="Locks of a tenant")
def list_locks(request: HttpRequest, tenant: Path[Tenant], wanted: Query[Paging]) -> Any:
    """Locks by name, those whose time is over included until somebody takes them."""
    with reading(request, tenant), atomic():
        return queries.page(queries.locks(), limit=wanted.limit, offset=wanted.offset)


@coordination.post(
    "/{tenant}/locks/{path:name}/acquire",
    response={200: HeldLock, **REFUSED, 409: ProblemSchema},
    summary="Take a lock",
)
def acquire_lock(request: HttpRequest, tenant: Path[Tenant], name: Path[LockName], new: NewLock) -> Any:
    """Hold a name that nobody holds, or whose holder let its time pass. The id is the proof, new each time."""
    with writing(request, tenant, action=permission.LOCK, resource=f"lock:{name}"):
        return locks.acquire(name=name, holder=new.holder, ttl=timedelta(seconds=new.ttl_s))


@coordination.post(
    "/{tenant}/locks/{path:name}/extend",
    response={200: HeldLock, **REFUSED, 409: ProblemSchema},
    summary="Hold a lock for longer",
)
def extend_lock(request: HttpRequest, tenant: Path[Tenant], name: Path[LockName], held: LockExtension) -> Any:
    """Hold a lock for so long from now; refused once its time is over."""
    with writing(request, tenant, action=permission.LOCK, resource=f"lock:{name}"):
        return locks.extend(name=name, lock_id=held.id, ttl=timedelta(seconds=held.ttl_s))


@coordination.post(
    "/{tenant}/locks/{path:name}/release", response={204: None, **REFUSED}, summary="Let go of a lock"
)
def release_lock(request: HttpRequest, tenant: Path[Tenant], name: Path[LockName], held: LockRelease) -> Any:
    """Let go of a lock; of one that is held by another id nothing happens."""
    with writing(request, tenant, action=permission.LOCK, resource=f"lock:{name}"):
        locks.release(name=name, lock_id=held.id)
    return Status(204, None)


@coordination.get(
    "/{tenant}/routine-jobs", response={200: RoutinePage, **REFUSED}, summary="Routine jobs of a tenant"
)
def list_routine_jobs(request: HttpRequest, tenant: Path[Tenant], wanted: Query[RoutineFilter]) -> Any:
    """Routine jobs, newest first; those that are Unknown wait for a person."""
    with reading(request, tenant), atomic():
        found = queries.routine_jobs(status=wanted.status)
        return queries.page(found, limit=wanted.limit, offset=wanted.offset)


@coordination.post(
    "/{tenant}/routine-jobs", response={201: RoutineOut, **REFUSED}, summary="Put up a routine job"
)
def add_routine_job(request: HttpRequest, tenant: Path[Tenant], new: NewRoutine) -> Any:
    """Put up work for whoever claims it."""
    with writing(request, tenant, action=permission.ROUTINE, resource=f"routine:{new.name}"):
        return Status(201, routines.add(name=new.name, payload=new.payload))


@coordination.post(
    "/{tenant}/routine-jobs/claim",
    response={200: ClaimedRoutine, 204: None, **REFUSED},
    summary="Claim a routine job",
)
def claim_routine_job(request: HttpRequest, tenant: Path[Tenant], claim: Claim) -> Any:
    """Take the oldest job that is ready; 204 when there is none. Without a heartbeat in time it falls into doubt."""
    with writing(request, tenant, action=permission.ROUTINE, resource=f"routine:{claim.name or 'any'}"):
        found = routines.claim(holder=claim.holder, ttl=timedelta(seconds=claim.ttl_s), name=claim.name or "")
    return Status(204, None) if found is None else found


@coordination.post(
    "/{tenant}/routine-jobs/{job_id}/heartbeat",
    response={200: RoutineOut, **TOO_LATE},
    summary="Hold a claim for longer",
)
def beat(request: HttpRequest, tenant: Path[Tenant], job_id: Path[UUID], sign: Heartbeat) -> Any:
    """Show that the work goes on."""
    with writing(request, tenant, action=permission.ROUTINE, resource=f"routine:{job_id}"):
        return routines.heartbeat(job_id=job_id, claim_id=sign.claim_id, ttl=timedelta(seconds=sign.ttl_s))


@coordination.post(
    "/{tenant}/routine-jobs/{job_id}/complete",
    response={200: RoutineOut, **TOO_LATE},
    summary="Report on a routine job",
)
def complete_routine_job(
    request: HttpRequest, tenant: Path[Tenant], job_id: Path[UUID], end: Completion
) -> Any:
    """Say how the work went; refused once the claim ran out."""
    with writing(request, tenant, action=permission.ROUTINE, resource=f"routine:{job_id}"):
        return routines.complete(
            job_id=job_id, claim_id=end.claim_id, succeeded=end.succeeded, result=end.result
        )


@coordination.post(
    "/{tenant}/routine-jobs/{job_id}/resolve",
    response={200: RoutineOut, **TOO_LATE},
    summary="Settle a routine job in doubt",
)
def resolve_routine_job(
    request: HttpRequest, tenant: Path[Tenant], job_id: Path[UUID], said: Resolution
) -> Any:
    """Say what became of work whose claimant fell silent."""
    with writing(request, tenant, action=permission.ROUTINE, resource=f"routine:{job_id}") as subject:
        return routines.resolve(
            job_id=job_id, status=RoutineStatus(said.status), by=subject, result=said.result
        )


@coordination.get(
    "/{tenant}/decisions", response={200: DecisionPage, **REFUSED}, summary="Decisions of a tenant"
)
def list_decisions(request: HttpRequest, tenant: Path[Tenant], wanted: Query[DecisionFilter]) -> Any:
    """Decisions, newest first."""
    with reading(request, tenant), atomic():
        decisions.expire()
        found = queries.decisions(status=wanted.status)
        return queries.page(found, limit=wanted.limit, offset=wanted.offset)


@coordination.post(
    "/{tenant}/decisions", response={201: DecisionOut, **REFUSED}, summary="Ask for a decision"
)
def ask_decision(request: HttpRequest, tenant: Path[Tenant], new: NewDecision) -> Any:
    """Put a question to people, with the answers to choose from, until it expires."""
    with writing(request, tenant, action=permission.DECIDE, resource="decision:new"):
        return Status(
            201, decisions.ask(question=new.question, options=new.options, expires_at=new.expires_at)
        )


@coordination.get(
    "/{tenant}/decisions/{decision_id}", response={200: DecisionOut, **NOT_THERE}, summary="One decision"
)
def show_decision(request: HttpRequest, tenant: Path[Tenant], decision_id: Path[UUID]) -> Any:
    """A decision: Open, Decided or Expired."""
    with reading(request, tenant):
        return decisions.get(decision_id)


@coordination.post(
    "/{tenant}/decisions/{decision_id}/decide", response={200: DecisionOut, **TOO_LATE}, summary="Decide"
)
def decide(request: HttpRequest, tenant: Path[Tenant], decision_id: Path[UUID], answer: Choice) -> Any:
    """Choose an answer, once, while the decision is open."""
    with writing(request, tenant, action=permission.DECIDE, resource=f"decision:{decision_id}") as subject:
        return decisions.decide(decision_id=decision_id, choice=answer.choice, by=subject)
