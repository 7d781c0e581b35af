"""Rows of every model that the admin shows, made from what their columns take."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from apps.scheduler.overview import VIEWS
from monolith import entering
from monolith.composition import composed
from monolith.contracts import acting
from monolith.tenancy.admin import TenantAdmin

ROWS: Final = 4  # a statement that comes once per row comes so often
TENANT: Final = "sample"  # of the sample data, because a transaction serves one
NOW: Final = timezone.now()
_KEEPER: Final = RequestFactory().get("/")
_KEEPER.user = User(is_superuser=True, is_active=True)
# What the columns' types do not say; a function takes the number of the row.
VALUES: Final[Mapping[str, Any]] = {
    **{f"agent.{name}.id": lambda n: UUID(int=n + 1) for name in ("servicecall", "attempt", "timer")},
    "auth.group.name": lambda n: f"group {n}",
    "auth.user.username": lambda n: f"user{n}",
    "agent.decision.options": ["yes", "no"],
    "chat.channel.slug": lambda n: f"channel-{n}",
    "chat.delivery.sender": "webhook",
    "chat.delivery.status": "uncertain",
    "chat.message.citations": [{"note": "a-note", "quote": "Words."}],
    "chat.summary.first_id": lambda n: n + 1,
    "chat.summary.last_id": lambda n: n + 2,
    "compliance.grant.subject": "user:7",
    "compliance.grant.right": "hikes.publish",
    "hikes.walk.published": True,  # windows are of public walks
    "hikes.walk.slug": lambda n: f"walk-{n}",
    "hikes.walk.track": [[0, 50, 0], [0, 51, 10]],
    "home.probesample.good": True,
    "home.service.path": "/healthz",
    "home.service.slug": lambda n: f"service-{n}",
    "home.slosnapshot.total": 100,
    "knowledge.note.content_hash": "0" * 64,
    "knowledge.note.names": lambda n: [f"note {n}"],
    "knowledge.note.slug": lambda n: f"note-{n}",
    "knowledge.rawinput.sha256": lambda n: sha256(f"content {n}".encode()).hexdigest(),
    "monolith_tools.decision.expires_at": NOW + timedelta(hours=1),
    "monolith_tools.decision.fingerprint": lambda n: sha256(f"arguments {n}".encode()).digest(),
    "monolith_tools.token.digest": lambda n: sha256(f"secret {n}".encode()).digest(),
    "monolith_tools.token.scopes": ["read:*", "restricted:monolith"],
    "monolith_tools.toolcall.outcome": lambda n: ["succeeded", "failed", "limited", "forbidden"][n],
    "ships.vessel.mmsi": lambda n: 200_000_000 + n,
    "stars.site.slug": lambda n: f"site-{n}",
    "stars.nighttable.moon_illumination": 0.5,
    "stars.sitehour.moon_illumination": 0.5,
    "stars.sitemonthstat.month": lambda n: NOW.date().replace(month=n + 1, day=1),
}


def value_of(field: "models.Field[Any, Any]", number: int) -> Any:
    """Return a value that a column takes."""
    given = VALUES.get(f"{field.model._meta.label_lower}.{field.name}")
    if given is not None:
        return given(number) if callable(given) else given
    if field.is_relation:
        related: Any = field.related_model
        return related.objects.order_by("pk")[number]
    if field.choices:
        return next(value for value, _ in field.flatchoices if value)
    match field:
        case models.UUIDField():
            return uuid4()
        case models.DateTimeField():
            return NOW + timedelta(hours=number)
        case models.DateField():
            return NOW.date() + timedelta(days=number)
        case models.JSONField():
            return {"number": number}
        case models.BooleanField():
            return False
        case models.CharField() | models.TextField():
            return f"{field.name} {number}"[: field.max_length]
    return number + 1


def is_needed(field: "models.Field[Any, Any]") -> bool:
    """Say whether a row cannot be made without a value for this column."""
    has_value = field.null or field.has_default() or field.db_default is not models.NOT_PROVIDED
    return not (has_value or field.generated or isinstance(field, models.AutoField))


def fill(model: type[models.Model]) -> None:
    """Give a model that has too few rows some more."""
    for number in range(model._default_manager.count(), ROWS):
        needed = [
            field
            for field in model._meta.concrete_fields
            if f"{field.model._meta.label_lower}.{field.name}" in VALUES or is_needed(field)
        ]
        model._default_manager.create(**{field.name: value_of(field, number) for field in needed})


def tenant_of(pages: Any) -> str:
    return TENANT if isinstance(pages, TenantAdmin) else ""


def registered() -> list[tuple[type[models.Model], Any]]:
    """Return the models that the admin shows with rows, those first that others point at."""
    reverse("admin:index")  # loading the addresses takes what has no tables from the registry
    found = [(model, pages) for model, pages in admin.site._registry.items() if not model._meta.proxy]
    return sorted(found, key=lambda pair: sum(field.is_relation for field in pair[0]._meta.concrete_fields))


def make_rows() -> None:
    """Make enough rows of everything that the admin shows."""
    import_string(composed().modules["compliance"].sample_data)()  # its triggers write the audit
    for model, pages in registered():
        with entering(composed().module_of_label(model._meta.app_label)), acting(tenant=tenant_of(pages)):
            fill(model)


def addresses() -> Iterator[str]:
    """Yield every page with something of its own: lists, rows, forms of new ones, and views of jobs."""
    yield reverse("admin:index")
    for model, pages in registered():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        tenant = tenant_of(pages)
        suffix = f"?tenant={tenant}" if tenant else ""
        yield reverse(f"admin:{name}_changelist") + suffix
        with entering(composed().module_of_label(model._meta.app_label)), acting(tenant=tenant):
            pk = model._default_manager.values_list("pk", flat=True).first()
        key = pk.hex if isinstance(pk, UUID) else pk
        yield reverse(f"admin:{name}_change", args=[key]) + suffix
        if pages.has_add_permission(_KEEPER):
            yield reverse(f"admin:{name}_add") + suffix
    jobs = reverse("admin:scheduler_job_changelist")
    yield from (f"{jobs}?view={view}" for view in VIEWS)
