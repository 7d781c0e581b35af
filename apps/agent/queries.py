"""What is asked of agent's tables: always for one tenant, which leads the query as it leads the index."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Model, QuerySet

from apps.agent.errors import CallNotFoundError, NoTenantError
from apps.agent.models import Attempt, Decision, Lock, RoutineJob, ServiceCall, Submission, Tenant
from monolith.contracts import call_scope

MAX_TENANTS: Final = 100  # of one answer
SUBMITTED: Final = "Submitted"
"""How a call is shown that the API took and orchestration has not seen yet."""
_TAKEN: Final = (
    "tenant_id",
    "id",
    "name",
    "request",
    "due_at",
    "idempotency_key",
    "correlation_id",
    "command_id",
    "created_at",
)


def tenant() -> str:
    """Return the tenant that is acting. Raises NoTenantError."""
    if found := call_scope().tenant:
        return found
    raise NoTenantError


def own[M: Model](model: type[M]) -> QuerySet[M]:
    """Return the rows of the acting tenant. Raises NoTenantError; row-level security would show none."""
    return model._default_manager.filter(tenant_id=tenant())


def calls(*, status: str | None = None, name: str | None = None) -> QuerySet[ServiceCall]:
    """Return the tenant's calls that fit, latest due first."""
    given = {"status": status, "name": name}
    return own(ServiceCall).filter(**{field: value for field, value in given.items() if value is not None})


def call(call_id: UUID) -> ServiceCall:
    """Return one of the tenant's calls, as it was taken while orchestration has not seen it yet.

    Raises CallNotFoundError.
    """
    if found := own(ServiceCall).filter(id=call_id).first():
        return found
    if (taken := own(Submission).filter(id=call_id).first()) is None:
        raise CallNotFoundError(call_id)
    return ServiceCall(status=SUBMITTED, **{field: getattr(taken, field) for field in _TAKEN})


def attempt(call_id: UUID) -> Attempt | None:
    """Return a call's attempt; None before it is ordered."""
    return own(Attempt).filter(id=call_id).first()


def overdue_attempts(now: datetime, *, limit: int) -> QuerySet[Attempt]:
    """Return the tenant's attempts that are given up by now, oldest first."""
    return own(Attempt).filter(ended_at=None, give_up_at__lte=now).order_by("give_up_at")[:limit]


def locks() -> QuerySet[Lock]:
    """Return the tenant's locks by name, those that ran out included."""
    return own(Lock).order_by("name")


def routine_jobs(*, status: str | None = None) -> QuerySet[RoutineJob]:
    """Return the tenant's routine jobs, newest first."""
    return own(RoutineJob).filter(**({} if status is None else {"status": status}))


def decisions(*, status: str | None = None) -> QuerySet[Decision]:
    """Return the tenant's decisions, newest first, by what is written down."""
    return own(Decision).filter(**({} if status is None else {"status": status}))


def page(rows: QuerySet[Any], *, limit: int, offset: int) -> dict[str, Any]:
    """Return one part of a list and how long all of it is."""
    return {
        "total": rows.count(),
        "limit": limit,
        "offset": offset,
        "items": list(rows[offset : offset + limit]),
    }


def tenants() -> list[str]:
    """Return the tenants that have rows here, the first MAX_TENANTS by name."""
    return list(Tenant.objects.order_by("id").values_list("id", flat=True)[:MAX_TENANTS])
