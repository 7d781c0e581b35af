"""What ends what nobody ends: calls whose attempt says nothing, claims that ran out, decisions whose time is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.agent import decisions, orchestration, queries, routines
from apps.agent.models import Attempt, Decision, RoutineJob, ServiceCall, Submission, Tenant
from monolith import atomic
from monolith.contracts import acting

BATCH: Final = 200  # calls that are given up in one transaction
PRUNE: Final = 10_000  # calls of a tenant that one run removes
KEEP: Final = timedelta(days=90)  # what is over; idempotency keys as long as their calls


@dataclass(slots=True)
class Report:
    """What was ended, over all tenants."""

    calls: int = 0
    routine_jobs: int = 0
    decisions: int = 0


def look(*, now: datetime) -> Report:
    """End what is overdue, tenant by tenant."""
    report = Report()
    for tenant in _tenants():
        with acting(tenant=tenant):
            while given_up := _give_up(now):
                report.calls += given_up
            with atomic():
                report.routine_jobs += routines.doubt_expired()
                report.decisions += decisions.expire()
    return report


def _give_up(now: datetime) -> int:
    with atomic():
        return sum([orchestration.give_up(attempt) for attempt in queries.overdue_attempts(now, limit=BATCH)])


def prune(*, now: datetime) -> int:
    """Remove what ended long ago; returns how many rows."""
    removed = 0
    for tenant in _tenants():
        with acting(tenant=tenant), atomic():
            removed += _prune_own(now - KEEP)
    return removed


def _prune_own(before: datetime) -> int:
    over = queries.own(ServiceCall).filter(ended_at__lt=before)
    ids = list(over.values_list("id", flat=True)[:PRUNE])
    gone = [
        queries.own(Attempt).filter(id__in=ids),
        queries.own(ServiceCall).filter(id__in=ids),
        queries.own(Submission).filter(id__in=ids),
        queries.own(RoutineJob).filter(ended_at__lt=before),
        queries.own(Decision).filter(expires_at__lt=before),
    ]
    return sum([rows.delete()[0] for rows in gone])


def _tenants() -> list[str]:
    return list(Tenant.objects.order_by("id").values_list("id", flat=True))
