"""Calls, and what outside agents share, to look at: one tenant's at a time, which the list's filter names."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from apps.agent.models import (
    Attempt,
    Decision,
    DecisionStatus,
    Lock,
    RoutineJob,
    RoutineStatus,
    ServiceCall,
    Status,
    Tenant,
    Timer,
)
from monolith.admin.columns import Tone, badge, excerpt
from monolith.admin.pages import ReadOnlyAdmin
from monolith.tenancy.admin import TenantAdmin, TenantFilter

TONES: Final = {
    Status.RUNNING: Tone.BUSY,
    Status.SUCCEEDED: Tone.GOOD,
    Status.FAILED: Tone.BAD,
    RoutineStatus.CLAIMED: Tone.BUSY,
    RoutineStatus.UNKNOWN: Tone.WARN,  # a person says what became of it
    DecisionStatus.OPEN: Tone.WARN,
    DecisionStatus.DECIDED: Tone.GOOD,
}


class KnownTenants(TenantFilter):
    """Proposes the tenants that have rows here."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tenant, tenant) for tenant in Tenant.objects.order_by("id").values_list("id", flat=True)]


class ReadAdmin(TenantAdmin, ReadOnlyAdmin[Model]):
    """Pages to look at one tenant's rows; only messages and the API change them."""

    tenant_filter = KnownTenants


@admin.register(ServiceCall)
class ServiceCallAdmin(ReadAdmin):
    list_display = ["name", badge("status", TONES), "due_at", "ended_at", "idempotency_key"]
    list_filter = ["status", "due_at"]
    search_fields = ["name", "idempotency_key", "=correlation_id"]
    search_help_text = "A name, an idempotency key, or a whole correlation id"
    fields = [
        "name",
        "status",
        "due_at",
        "ended_at",
        "idempotency_key",
        "request",
        "outcome",
        "correlation_id",
        "command_id",
        "created_at",
    ]


@admin.register(Attempt)
class AttemptAdmin(ReadAdmin):
    list_display = ["id", "run", "ordered_at", "started_at", "ended_at", "give_up_at"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter), "ordered_at"]
    search_fields = ["=id", "=run"]
    search_help_text = "A call's whole id, or a whole run"
    ordering = ["-ordered_at"]
    fields = [
        "id",
        "message_id",
        "ordered_at",
        "give_up_at",
        "run",
        "started_at",
        "ended_at",
        "headers",
    ]


@admin.register(Timer)
class TimerAdmin(ReadAdmin):
    list_display = ["id", "due_at", "message_id"]
    list_filter = ["due_at"]
    ordering = ["due_at"]


@admin.register(Lock)
class LockAdmin(ReadAdmin):
    list_display = ["name", "holder", "acquired_at", "expires_at"]
    list_filter = ["expires_at"]
    search_fields = ["name", "holder"]
    ordering = ["name"]
    exclude = ["id"]  # the holder's proof


@admin.register(RoutineJob)
class RoutineJobAdmin(ReadAdmin):
    list_display = [
        "name",
        badge("status", TONES),
        "claimed_by",
        "claim_expires_at",
        "created_at",
        "ended_at",
    ]
    list_filter = ["status", "created_at"]
    search_fields = ["name", "claimed_by"]
    # Without claim_id, which is the claimant's proof.
    fields = [
        "name",
        "status",
        "payload",
        "claimed_by",
        "claim_expires_at",
        "result",
        "resolved_by",
        "created_at",
        "ended_at",
    ]


@admin.register(Decision)
class DecisionAdmin(ReadAdmin):
    list_display = [
        excerpt("question"),
        badge("status", TONES),
        "choice",
        "decided_by",
        "created_at",
        "expires_at",
    ]
    list_filter = ["status", "expires_at"]
    search_fields = ["question", "decided_by"]
    fields = [
        "question",
        "options",
        "status",
        "choice",
        "decided_by",
        "decided_at",
        "created_at",
        "expires_at",
    ]
