"""Rules and grants in the admin, and the audit to look at."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.compliance import audit, queries, services
from apps.compliance.models import AuditEntry, Event, Grant, Rule
from monolith import atomic

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _AnyAdmin = admin.ModelAdmin[Model]
    _EntryAdmin = admin.ModelAdmin[AuditEntry]
    _Form = ModelForm[Model]
else:
    _AnyAdmin = _EntryAdmin = admin.ModelAdmin
    _Form = ModelForm


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


class KeptAdmin(_AnyAdmin):
    """Rows whose changes are recorded with who made them, and that are ended instead of deleted."""

    actions = ["end"]

    def save_model(self, request: HttpRequest, obj: Model, form: _Form, change: bool) -> None:  # noqa: FBT001 - Django calls it so
        with audit.changing(by=_actor(request)) as tell:
            super().save_model(request, obj, form, change)
            tell(cast("Rule | Grant", obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Rule)
class RuleAdmin(KeptAdmin):
    list_display = ["action", "resource", "right", "notice_days", "created_at", "ended_at"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter), "right"]
    search_fields = ["action", "resource", "right", "reason"]
    fields = ["action", "resource", "right", "notice_days", "reason", "created_at", "ended_at"]
    readonly_fields = ["created_at", "ended_at"]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with atomic():
            if request.method == "POST":
                services.one_at_a_time()  # the form finds out whether there is such a rule
            return super().changeform_view(request, object_id, form_url, extra_context)

    @admin.action(description="End the selected rules", permissions=["change"])
    def end(self, request: HttpRequest, rows: QuerySet[Model]) -> None:
        now = timezone.now()
        for pk in rows.values_list("pk", flat=True):
            services.end_rule(pk=pk, by=_actor(request), now=now)
        self.message_user(request, "The rules apply no longer.", messages.SUCCESS)


@admin.register(Grant)
class GrantAdmin(KeptAdmin):
    list_display = ["subject", "right", "resource", "tenant", "created_at", "ends_at", "holds"]
    list_filter = ["right", "tenant"]
    search_fields = ["subject", "right", "resource", "reason"]
    fields = ["tenant", "subject", "right", "resource", "ends_at", "reason", "created_at"]
    readonly_fields = ["created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        # Another right, or another holder, is another grant: what was held stays readable.
        return [*self.readonly_fields, *(["tenant", "subject", "right", "resource"] if obj else [])]

    @admin.display(boolean=True)
    def holds(self, grant: Grant) -> bool:
        return grant.holds_at(timezone.now())

    @admin.action(description="End the selected grants now", permissions=["change"])
    def end(self, request: HttpRequest, rows: QuerySet[Model]) -> None:
        now = timezone.now()
        for pk in rows.values_list("pk", flat=True):
            services.end_grant(pk=pk, by=_actor(request), now=now)
        self.message_user(request, "The grants have ended.", messages.SUCCESS)


class EventFilter(admin.SimpleListFilter):
    """Narrows the audit to one kind of entry."""

    title = "event"
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return Event.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(content__event=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(_EntryAdmin):
    list_display = ["tenant", "position", "at", "event", "by", "subject", "outcome"]
    list_filter = [EventFilter]
    search_fields = ["tenant"]
    search_help_text = "A whole subject: user:7"
    fields = ["tenant", "position", "previous", "hash", "content"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        found = queries.about(queryset, search_term) if search_term else queryset
        return found, False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def subject(self, entry: AuditEntry) -> str:
        return entry.content.get("subject") or ""

    def outcome(self, entry: AuditEntry) -> str:
        return entry.content.get("outcome") or ""
