"""What all routes of agent share: whose tenant, who asks, and what services raise as problem documents."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from apps.agent import queries
from apps.agent.errors import (
    AgentDeniedError,
    CallMovedOnError,
    CallNotFoundError,
    DecisionNotFoundError,
    DecisionOverError,
    IdempotencyConflictError,
    LockHeldError,
    LockLostError,
    RequestRefusedError,
    RoutineMovedOnError,
    RoutineNotFoundError,
)
from apps.agent.permission import READ, require_permission
from monolith.contracts import acting
from monolith.http import permissions
from monolith.http.problems import Problem, field_error


@contextmanager
def reading(request: HttpRequest, tenant: str) -> Iterator[None]:
    """Act for a tenant to look at its rows, if Django and compliance let the caller. Raises Problem.

    Django's permission says who may look at calls at all; grants say at which tenant's.
    """
    subject = permissions.require_permission(request, "agent.view_servicecall")
    with acting(tenant=tenant, actor=subject), problems():
        require_permission(subject=subject, action=READ, resource=f"tenant:{tenant}")
        yield


def readable_tenants(request: HttpRequest) -> list[str]:
    """Return the tenants that the caller may look at, the first ones by name. Raises Problem."""
    subject = permissions.require_permission(request, "agent.view_servicecall")
    return [tenant for tenant in queries.tenants() if may_read(tenant, subject)]


def may_read(tenant: str, subject: str) -> bool:
    """Say whether compliance lets somebody look at a tenant's rows."""
    with acting(tenant=tenant, actor=subject):
        try:
            require_permission(subject=subject, action=READ, resource=f"tenant:{tenant}")
        except AgentDeniedError:
            return False
    return True


@contextmanager
def writing(request: HttpRequest, tenant: str, *, action: str, resource: str) -> Iterator[str]:
    """Act for a tenant to write, if compliance lets the caller; yields who that is. Raises Problem.

    The gate goes by grants of that tenant: naming one lets nobody write who was not let there.
    """
    subject = f"user:{request.user.pk}"
    with acting(tenant=tenant, actor=subject), problems():
        require_permission(subject=subject, action=action, resource=resource)
        yield subject


@contextmanager
def problems() -> Iterator[None]:
    """Translate what services raise."""
    try:
        yield
    except (CallNotFoundError, RoutineNotFoundError, DecisionNotFoundError) as error:
        raise Problem(404, "Not found", detail=str(error), type="not-found") from error
    except AgentDeniedError as error:
        raise Problem(
            403, "Not allowed", detail=str(error), type="not-allowed", missing=list(error.missing)
        ) from error
    except IdempotencyConflictError as error:
        raise Problem(
            409, "Key in use", detail=str(error), type="idempotency-conflict", call=str(error.call_id)
        ) from error
    except RequestRefusedError as error:
        errors = [field_error("body", "request", error.field, detail=str(error))]
        raise Problem(422, "The request is not valid", errors=errors) from error
    except LockHeldError as error:
        raise Problem(
            409, "Held", detail=str(error), type="lock-held", expires_at=error.expires_at.isoformat()
        ) from error
    except (CallMovedOnError, LockLostError, RoutineMovedOnError, DecisionOverError) as error:
        raise Problem(409, "Too late", detail=str(error), type="too-late") from error
