"""How routine jobs and questions stand now, also where nobody has written down yet that their time is over."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.agent import queries
from apps.agent.models import Decision, DecisionStatus, RoutineJob, RoutineStatus
from apps.agent.tool_schemas import DecisionShown, Routine
from monolith import connection


def routine_jobs(status: RoutineStatus | None) -> QuerySet[RoutineJob]:
    """Return the tenant's jobs that stand so, newest first."""
    over = Q(status=RoutineStatus.CLAIMED, claim_expires_at__lte=Now())
    if status is RoutineStatus.UNKNOWN:
        return queries.routine_jobs().filter(Q(status=status) | over)
    found = queries.routine_jobs(status=status)
    return found.exclude(over) if status is RoutineStatus.CLAIMED else found


def decisions(status: DecisionStatus | None) -> QuerySet[Decision]:
    """Return the tenant's questions that stand so, newest first."""
    over = Q(status=DecisionStatus.OPEN, expires_at__lte=Now())
    if status is DecisionStatus.EXPIRED:
        return queries.decisions().filter(Q(status=status) | over)
    found = queries.decisions(status=status)
    return found.exclude(over) if status is DecisionStatus.OPEN else found


def of_job(job: Routine, now: datetime) -> RoutineStatus:
    """Return how a job stands: a claim that ran out leaves it in doubt."""
    ends = job.claim_expires_at
    is_over = job.status is RoutineStatus.CLAIMED and ends is not None and ends <= now
    return RoutineStatus.UNKNOWN if is_over else job.status


def of_decision(decision: DecisionShown, now: datetime) -> DecisionStatus:
    """Return how a question stands."""
    is_over = decision.status is DecisionStatus.OPEN and decision.expires_at <= now
    return DecisionStatus.EXPIRED if is_over else decision.status


def now() -> datetime:
    """Return the time by the database's clock, which expiry goes by."""
    with connection().cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment
