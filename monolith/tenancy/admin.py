"""Admin pages of tenant tables: who uses them names the tenant, in the address of the page."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse

from monolith.contracts.scope import acting

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Model]
else:
    _Admin = object

PARAMETER = "tenant"
HINT = "No tenant is chosen, so no row is shown. Name one in the filter, or add ?tenant=… to the address."


class TenantFilter(admin.SimpleListFilter):
    """A field for the tenant's name: the database lists tenants to nobody.

    Override `lookups` where a module keeps a list of its own; the field then proposes them.
    """

    title = "tenant"
    parameter_name = PARAMETER
    template = "monolith/tenant_filter.html"

    @property
    def tenant(self) -> str:
        return self.value() or ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        return queryset  # the database has chosen

    def choices(self, changelist: Any) -> Any:
        return iter(())


class TenantAdmin(_Admin):
    """Before ModelAdmin among the bases of a tenant table's admin: pages act for the tenant of their address.

    It is nothing that a session keeps: two windows show two tenants. Override `may_serve` to limit who names whom.
    """

    tenant_filter: type[TenantFilter] = TenantFilter

    def may_serve(self, request: HttpRequest, tenant: str) -> bool:
        """Say whether the user may see and change this tenant's rows, as far as their permissions go."""
        return True

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [self.tenant_filter, *super().get_list_filter(request)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(tenant_of(request)) and super().has_add_permission(request)

    def changelist_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        return self._serve(request, super().changelist_view, *args, **options)

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        return self._serve(request, super().changeform_view, *args, **options)

    def delete_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        return self._serve(request, super().delete_view, *args, **options)

    def history_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        return self._serve(request, super().history_view, *args, **options)

    def _serve(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *args: Any, **options: Any
    ) -> HttpResponseBase:
        tenant = tenant_of(request)
        if tenant and not self.may_serve(request, tenant):
            raise PermissionDenied
        if not tenant:
            messages.warning(request, HINT)
        with acting(tenant=tenant):
            response = view(request, *args, **options)
            if isinstance(response, SimpleTemplateResponse):
                response.render()  # its rows are read now, while the tenant is named
            return response


def tenant_of(request: HttpRequest) -> str:
    """Return the tenant that the address of an admin page names, itself or as the filter of the list it came from."""
    if tenant := request.GET.get(PARAMETER):
        return tenant
    return parse_qs(request.GET.get("_changelist_filters", "")).get(PARAMETER, [""])[0]
