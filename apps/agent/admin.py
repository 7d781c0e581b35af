"""Calls, and what outside agents share, to look at: one tenant's at a time, which the list's filter names."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from apps.agent.models import Attempt, Decision, Lock, RoutineJob, ServiceCall, Tenant, Timer
from monolith.contracts import acting

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _AnyAdmin = admin.ModelAdmin[Model]
else:
    _AnyAdmin = admin.ModelAdmin


class TenantFilter(admin.SimpleListFilter):
    """Names the tenant to act for. Without one the database shows no row."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [(tenant, tenant) for tenant in Tenant.objects.order_by("id").values_list("id", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        return queryset.filter(tenant_id=self.value()) if self.value() else queryset.none()

    def has_output(self) -> bool:
        return True


class TenantAdmin(_AnyAdmin):
    """Pages that act for the tenant of the list's filter, also where they were reached from that list."""

    list_filter = [TenantFilter]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        show = super().changelist_view
        return _acting(request.GET.get("tenant", ""), lambda: show(request, extra_context))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        filters = parse_qs(request.GET.get("_changelist_filters", ""))
        show = super().changeform_view
        return _acting(filters.get("tenant", [""])[0], lambda: show(request, *args, **kwargs))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _acting(tenant: str, show: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    with acting(tenant=tenant):
        response = show()
        # Pages ask the database while they are rendered, which is later otherwise.
        return response.render() if isinstance(response, TemplateResponse) else response


@admin.register(ServiceCall)
class ServiceCallAdmin(TenantAdmin):
    list_display = ["name", "status", "due_at", "ended_at", "idempotency_key"]
    list_filter = [TenantFilter, "status"]
    search_fields = ["name", "idempotency_key"]


@admin.register(Attempt)
class AttemptAdmin(TenantAdmin):
    list_display = ["id", "run", "ordered_at", "started_at", "ended_at", "give_up_at"]


@admin.register(Timer)
class TimerAdmin(TenantAdmin):
    list_display = ["id", "due_at", "message_id"]


@admin.register(Lock)
class LockAdmin(TenantAdmin):
    list_display = ["name", "holder", "acquired_at", "expires_at"]
    exclude = ["id"]  # the holder's proof


@admin.register(RoutineJob)
class RoutineJobAdmin(TenantAdmin):
    list_display = ["name", "status", "claimed_by", "claim_expires_at", "created_at", "ended_at"]
    list_filter = [TenantFilter, "status"]
    exclude = ["claim_id"]


@admin.register(Decision)
class DecisionAdmin(TenantAdmin):
    list_display = ["question", "status", "choice", "decided_by", "expires_at"]
    list_filter = [TenantFilter, "status"]
