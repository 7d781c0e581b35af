"""What ends what nobody ends: calls whose attempt says nothing, claims that ran out, decisions whose time is over."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.agent import decisions, orchestration, queries, routines
from apps.agent.models import Attempt, Decision, RoutineJob, ServiceCall, Submission, Tenant
from monolith import atomic
from monolith.contracts import acting

logger = logging.getLogger(__name__)

BATCH: Final = 200  # calls that are given up in one transaction
PRUNE: Final = 2_000  # calls that are removed in one transaction
PRUNE_S: Final = 480.0  # of removing; less than the task's limit
TOLD: Final = 10  # failures of tenants that are raised; all are logged
KEEP: Final = timedelta(days=90)  # what is over; idempotency keys as long as their calls


@dataclass(slots=True)
class Report:
    """What was ended, over all tenants."""

    calls: int = 0
    routine_jobs: int = 0
    decisions: int = 0


def look(*, now: datetime) -> Report:
    """End what is overdue, tenant by tenant. Raises ExceptionGroup in the end for tenants of which it could not."""
    report = Report()

    def end() -> bool:
        while given_up := _give_up(now):
            report.calls += given_up
        with atomic():
            report.routine_jobs += routines.doubt_expired()
            report.decisions += decisions.expire()
        return False

    failures: list[Exception] = []
    _for_each(_tenants(), end, failures)
    _raise(failures)
    return report


def _give_up(now: datetime) -> int:
    with atomic():
        return sum([orchestration.give_up(attempt) for attempt in queries.overdue_attempts(now, limit=BATCH)])


def prune(*, now: datetime, seconds: float = PRUNE_S) -> int:
    """Remove what ended long ago, for so long at most; returns how many rows. Raises ExceptionGroup as `look` does.

    Each tenant in turn has some removed, so that one which has much does not keep the others waiting.
    """
    removed = 0

    def remove() -> bool:
        nonlocal removed
        with atomic():
            rows, is_more = _prune_own(now - KEEP)
        removed += rows
        return is_more

    ends = time.monotonic() + seconds
    failures: list[Exception] = []
    tenants = _tenants()
    while tenants and time.monotonic() < ends:
        tenants = _for_each(tenants, remove, failures)
    if tenants:
        logger.warning("more of %s tenants is to be removed than there was time for", len(tenants))
    _raise(failures)
    return removed


def _prune_own(before: datetime) -> tuple[int, bool]:
    over = queries.own(ServiceCall).filter(ended_at__lt=before)
    ids = list(over.values_list("id", flat=True)[:PRUNE])
    gone = [
        queries.own(Attempt).filter(id__in=ids),
        queries.own(ServiceCall).filter(id__in=ids),
        queries.own(Submission).filter(id__in=ids),
        queries.own(RoutineJob).filter(ended_at__lt=before),
        queries.own(Decision).filter(expires_at__lt=before),
    ]
    return sum([rows.delete()[0] for rows in gone]), len(ids) == PRUNE


def _for_each(tenants: Sequence[str], step: Callable[[], bool], failures: list[Exception]) -> list[str]:
    """Take a step as each tenant, also after one that fails; returns those for which it says that there is more."""
    more = []
    for tenant in tenants:
        try:
            with acting(tenant=tenant):
                if step():
                    more.append(tenant)
        except Exception as error:
            logger.exception("tenant %s was left as it is", tenant)
            error.add_note(f"as the tenant {tenant}")
            failures.append(error)
    return more


def _raise(failures: list[Exception]) -> None:
    if failures:
        raise ExceptionGroup(f"{len(failures)} tenants were left as they are", failures[:TOLD])


def _tenants() -> list[str]:
    return list(Tenant.objects.order_by("id").values_list("id", flat=True))
