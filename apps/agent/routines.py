"""Routine jobs: work that outside agents take one at a time, and report on.

An agent that falls silent leaves its job in doubt. Nobody else gets it by itself: a person says what became of it.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from apps.agent import statements
from apps.agent.errors import KeyInUseError, RoutineMovedOnError, RoutineNotFoundError
from apps.agent.models import RoutineJob, RoutineStatus
from apps.agent.queries import own, tenant
from apps.agent.tenants import enrol, take_turn
from monolith import atomic
from monolith.events.ids import uuid7

RESOLUTIONS = (RoutineStatus.READY, RoutineStatus.SUCCEEDED, RoutineStatus.FAILED)


def add(*, name: str, payload: dict[str, Any], job_id: UUID | None = None) -> RoutineJob:
    """Put up a job for whoever claims it, once for a `job_id`. Raises KeyInUseError when that is another job's."""
    with atomic():
        enrol()
        job, is_new = own(RoutineJob).get_or_create(
            id=job_id or uuid7(), defaults={"tenant_id": tenant(), "name": name, "payload": payload}
        )
    if not is_new and (job.name, job.payload) != (name, payload):
        raise KeyInUseError("routine job", job.id)
    return job


def claim(*, holder: str, ttl: timedelta, name: str = "", claim_id: UUID | None = None) -> RoutineJob | None:
    """Give the oldest job that is ready, of that name if there is one, to `holder`; None when there is none.

    A `claim_id` that was used before gives the job that it got then, as that stands now; also while the claim that
    used it has not ended.
    """
    try:
        return _claim(holder=holder, ttl=ttl, name=name, claim_id=claim_id)
    except IntegrityError:
        # A server of an earlier version, which takes no turns, had the id first and has committed.
        return _claim(holder=holder, ttl=ttl, name=name, claim_id=claim_id)


def _claim(*, holder: str, ttl: timedelta, name: str, claim_id: UUID | None) -> RoutineJob | None:
    with atomic():
        if claim_id:
            # The constraint keeps a second job from the claim; the turn keeps it from passing over the first one, which
            # is locked until its claim has committed, and finding nothing to do.
            take_turn()
        doubt_expired()
        if claim_id and (claimed := own(RoutineJob).filter(claim_id=claim_id).first()):
            return claimed
        found = statements.run(
            "claim_routine_job", claim=claim_id or uuid7(), holder=holder, ttl=ttl, name=name
        )
        return own(RoutineJob).get(id=found[0][0]) if found else None


def heartbeat(*, job_id: UUID, claim_id: UUID, ttl: timedelta) -> RoutineJob:
    """Hold a claim for `ttl` from now. Raises RoutineMovedOnError when it ran out or is another's."""
    with atomic():
        return _moved(job_id, _claimed(job_id, claim_id).update(claim_expires_at=Now() + ttl))


def complete(*, job_id: UUID, claim_id: UUID, succeeded: bool, result: dict[str, Any]) -> RoutineJob:
    """End a job as its claimant reports it. Raises RoutineMovedOnError when the claim ran out or is another's."""
    status = RoutineStatus.SUCCEEDED if succeeded else RoutineStatus.FAILED
    with atomic():
        moved = _claimed(job_id, claim_id).update(status=status, result=result, ended_at=Now())
        return _moved(job_id, moved)


def doubt_expired() -> int:
    """Mark the jobs whose claims ran out; returns how many."""
    gone = own(RoutineJob).filter(status=RoutineStatus.CLAIMED, claim_expires_at__lte=Now())
    return gone.update(status=RoutineStatus.UNKNOWN)


def resolve(*, job_id: UUID, status: RoutineStatus, by: str, result: dict[str, Any]) -> RoutineJob:
    """Let a person say what became of a job in doubt: one of RESOLUTIONS. Raises RoutineMovedOnError."""
    if status not in RESOLUTIONS:
        raise ValueError(f"a job in doubt becomes one of {', '.join(RESOLUTIONS)}, not {status}")
    again = status == RoutineStatus.READY
    with atomic():
        doubt_expired()
        moved = (
            own(RoutineJob)
            .filter(id=job_id, status=RoutineStatus.UNKNOWN)
            .update(
                status=status,
                resolved_by=by,
                result=None if again else result,
                ended_at=None if again else Now(),
                claim_id=None
                if again
                else F("claim_id"),  # it stays known what the claimant's key stands for
                claim_expires_at=None,
            )
        )
        return _moved(job_id, moved, needed=RoutineStatus.UNKNOWN)


def _claimed(job_id: UUID, claim_id: UUID) -> QuerySet[RoutineJob]:
    return own(RoutineJob).filter(
        id=job_id, status=RoutineStatus.CLAIMED, claim_id=claim_id, claim_expires_at__gt=Now()
    )


def _moved(
    job_id: UUID, moved: int, needed: str = "Claimed by that claim, which has not run out"
) -> RoutineJob:
    job = own(RoutineJob).filter(id=job_id).first()
    if job is None:
        raise RoutineNotFoundError(job_id)
    if not moved:
        raise RoutineMovedOnError(job_id, job.status, needed)
    return job
