"""Calls, and what outside agents share, to look at: one tenant's at a time, which the list's filter names."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from apps.agent.models import Attempt, Decision, Lock, RoutineJob, ServiceCall, Tenant, Timer
from monolith.tenancy.admin import TenantAdmin, TenantFilter

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _AnyAdmin = admin.ModelAdmin[Model]
else:
    _AnyAdmin = admin.ModelAdmin


class KnownTenants(TenantFilter):
    """Proposes the tenants that have rows here."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tenant, tenant) for tenant in Tenant.objects.order_by("id").values_list("id", flat=True)]


class ReadAdmin(TenantAdmin, _AnyAdmin):
    """Pages to look at one tenant's rows; only messages and the API change them."""

    tenant_filter = KnownTenants

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(ServiceCall)
class ServiceCallAdmin(ReadAdmin):
    list_display = ["name", "status", "due_at", "ended_at", "idempotency_key"]
    list_filter = ["status"]
    search_fields = ["name", "idempotency_key"]


@admin.register(Attempt)
class AttemptAdmin(ReadAdmin):
    list_display = ["id", "run", "ordered_at", "started_at", "ended_at", "give_up_at"]


@admin.register(Timer)
class TimerAdmin(ReadAdmin):
    list_display = ["id", "due_at", "message_id"]


@admin.register(Lock)
class LockAdmin(ReadAdmin):
    list_display = ["name", "holder", "acquired_at", "expires_at"]
    exclude = ["id"]  # the holder's proof


@admin.register(RoutineJob)
class RoutineJobAdmin(ReadAdmin):
    list_display = ["name", "status", "claimed_by", "claim_expires_at", "created_at", "ended_at"]
    list_filter = ["status"]
    exclude = ["claim_id"]


@admin.register(Decision)
class DecisionAdmin(ReadAdmin):
    list_display = ["question", "status", "choice", "decided_by", "expires_at"]
    list_filter = ["status"]
