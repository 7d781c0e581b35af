"""What can be done with services and their levels. Runs as home: enter the module first."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django.db import IntegrityError

from apps.home.errors import (
    ServiceExistsError,
    ServiceNotFoundError,
    SloEditRefusedError,
    TooManyServicesError,
)
from apps.home.models import Service
from apps.home.origins import PUBLIC_TIER, require_allowed
from contracts.compliance import Compliance
from monolith import atomic
from monolith.contracts import require

MAX_SERVICES: Final = 100  # a round of slow ones still ends within its minute
EDIT_SLO: Final = "home.edit_slo"


def add_service(
    *,
    slug: str,
    name: str,
    path: str,
    origin: str = PUBLIC_TIER,
    module: str = "",
    expected_status: int = 200,
    timeout_ms: int = 5000,
) -> Service:
    """Store a service, to be probed from the next round on, with the usual objective.

    Raises OriginNotAllowedError, ServiceExistsError, TooManyServicesError.
    """
    require_allowed(origin)
    service = Service(
        slug=slug,
        name=name,
        module=module,
        origin=origin,
        path=path,
        expected_status=expected_status,
        timeout_ms=timeout_ms,
    )
    try:
        with atomic():
            if Service.objects.count() >= MAX_SERVICES:
                raise TooManyServicesError(MAX_SERVICES)
            service.save(force_insert=True)
    except IntegrityError as error:
        if Service.objects.filter(slug=slug).exists():
            raise ServiceExistsError(slug) from error
        raise
    return service


def edit_service(*, slug: str, changes: Mapping[str, Any]) -> Service:
    """Change how a service is probed; fields not named stay. Its objective is `edit_slo`'s.

    A service at another address is measured from its first answer there. Raises ServiceNotFoundError,
    OriginNotAllowedError.
    """
    if "origin" in changes:
        require_allowed(changes["origin"])
    with atomic():
        service = _locked(slug)
        differing = {field: value for field, value in changes.items() if getattr(service, field) != value}
        if differing.keys() & {"origin", "path"}:
            differing["answered_at"] = None
        _save(service, differing)
    return service


def edit_slo(
    *, slug: str, subject: str, target_pct: Decimal | None = None, window_minutes: int | None = None
) -> Service:
    """Change what is expected of a service on behalf of `subject`, if compliance allows it; None leaves a field alone.

    The next roll-up judges by it; snapshots of the past keep the objective of their time. Raises
    ServiceNotFoundError, SloEditRefusedError naming what is missing; a gate that cannot be asked denies.
    """
    if not Service.objects.filter(slug=slug).exists():
        raise ServiceNotFoundError(slug)
    # Before the transaction that writes: a call across modules must not hold its locks.
    decision = require(Compliance).check(subject=subject, action=EDIT_SLO, resource=slug)
    if not decision.allowed:
        raise SloEditRefusedError(slug, missing=decision.missing)
    given = {"target_pct": target_pct, "window_minutes": window_minutes}
    with atomic():
        service = _locked(slug)
        _save(service, {field: value for field, value in given.items() if value is not None})
    return service


def get_service(slug: str) -> Service:
    """Return a service. Raises ServiceNotFoundError."""
    service = Service.objects.filter(slug=slug).first()
    if service is None:
        raise ServiceNotFoundError(slug)
    return service


def _locked(slug: str) -> Service:
    service = Service.objects.select_for_update().filter(slug=slug).first()
    if service is None:
        raise ServiceNotFoundError(slug)
    return service


def _save(service: Service, changes: Mapping[str, Any]) -> None:
    for field, value in changes.items():
        setattr(service, field, value)
    if changes:
        service.save(update_fields=[*changes, "updated_at"])
