"""Rules and grants in the admin, and the audit to look at."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.compliance import audit, queries, services
from apps.compliance.models import AuditEntry, Event, Grant, Rule
from monolith import atomic
from monolith.admin.pages import ON_LIST_AND_ROW, ModuleAdmin, ReadOnlyAdmin

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _Form = ModelForm[Model]
else:
    _Form = ModelForm


SOON: Final = timedelta(days=14)  # time enough to ask who still needs it


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


class KeptAdmin(ModuleAdmin[Model]):
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

    @admin.action(
        description="End it",
        description_plural="End the selected rules",
        permissions=["change"],
        location=ON_LIST_AND_ROW,
    )
    def end(self, request: HttpRequest, rows: QuerySet[Model]) -> None:
        now = timezone.now()
        for pk in rows.values_list("pk", flat=True):
            services.end_rule(pk=pk, by=_actor(request), now=now)
        self.message_user(request, "The rules apply no longer.", messages.SUCCESS)


class HoldsFilter(admin.SimpleListFilter):
    """Narrows grants to those that hold, that are over, or that are about to be."""

    title = "holds"
    parameter_name = "holds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", "Yes"), ("soon", f"Yes, for {SOON.days} days at most"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        now = timezone.now()
        match self.value():
            case "yes":
                return queryset.filter(Q(ends_at=None) | Q(ends_at__gt=now))
            case "soon":
                return queryset.filter(ends_at__gt=now, ends_at__lte=now + SOON)
            case "no":
                return queryset.filter(ends_at__lte=now)
        return queryset


@admin.register(Grant)
class GrantAdmin(KeptAdmin):
    list_display = ["subject", "right", "resource", "tenant", "created_at", "ends_at", "holds"]
    list_filter = [HoldsFilter, "right", "tenant"]
    search_fields = ["subject", "right", "resource", "reason"]
    fields = ["tenant", "subject", "right", "resource", "ends_at", "reason", "created_at"]
    readonly_fields = ["created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        # Another right, or another holder, is another grant: what was held stays readable.
        return [*self.readonly_fields, *(["tenant", "subject", "right", "resource"] if obj else [])]

    @admin.display(boolean=True)
    def holds(self, grant: Grant) -> bool:
        return grant.holds_at(timezone.now())

    @admin.action(
        description="End it now",
        description_plural="End the selected grants now",
        permissions=["change"],
        location=ON_LIST_AND_ROW,
    )
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
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    list_display = ["at", "tenant", "position", "event", "by", "subject", "outcome"]
    list_filter = [EventFilter]
    search_fields = ["tenant"]
    search_help_text = "A whole subject: user:7"
    fields = ["tenant", "position", "content", "previous", "hash"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        found = queries.about(queryset, search_term) if search_term else queryset
        return found, False

    def subject(self, entry: AuditEntry) -> str:
        return entry.content.get("subject") or ""

    def outcome(self, entry: AuditEntry) -> str:
        return entry.content.get("outcome") or ""
