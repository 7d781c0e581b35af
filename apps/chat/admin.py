"""Channels and what is said in them, trust, and deliveries that wait for a person, in the admin.

Words and trust change through the API, which asks compliance first; actions here ask it as well.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.chat import channels, deliveries, trust
from apps.chat.errors import ChatDeniedError, DeliveryDecidedError
from apps.chat.models import (
    FULL_TRUST,
    LOCKED_BELOW,
    Channel,
    Delivery,
    Message,
    ModerationEvent,
    Reminder,
    Summary,
    UserTrust,
)
from apps.chat.permission import DECIDE, MANAGE, MODERATE, require_permission

if TYPE_CHECKING:  # Django's own classes take no type argument when the code runs
    _AnyAdmin = admin.ModelAdmin[Model]
else:
    _AnyAdmin = admin.ModelAdmin

type _Lookups = list[tuple[str, str]]


class ReadAdmin(_AnyAdmin):
    """Rows to look at, and to act on only by what services offer."""

    show_full_result_count = False  # counting all messages again for each filter is no use to anybody

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        # Who may change such rows may do it by the actions alone.
        return request.user.has_perm(f"chat.change_{self.model._meta.model_name}")

    def allowed(self, request: HttpRequest, *, action: str, resource: str) -> bool:
        """Ask compliance, and tell the person when it says no."""
        try:
            require_permission(subject=_actor(request), action=action, resource=resource)
        except ChatDeniedError as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        return True


@admin.register(Channel)
class ChannelAdmin(ReadAdmin):
    list_display = ["slug", "title", "answers_from", "kept_days", "archived", "created_at"]
    list_filter = ["archived", "answers_from"]
    search_fields = ["slug", "title"]
    actions = ["archive", "reopen"]

    @admin.action(description="Archive the selected channels", permissions=["act"])
    def archive(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        self._set(request, rows, archived=True)

    @admin.action(description="Open the selected channels again", permissions=["act"])
    def reopen(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        self._set(request, rows, archived=False)

    def _set(self, request: HttpRequest, rows: QuerySet[Channel], *, archived: bool) -> None:
        for slug in rows.values_list("slug", flat=True):
            if self.allowed(request, action=MANAGE, resource=f"channel:{slug}"):
                channels.set_archived(slug=slug, archived=archived)


@admin.register(Message)
class MessageAdmin(ReadAdmin):
    list_display = ["id", "channel", "author", "kind", "state", "start", "created_at"]
    list_display_links = ["id", "start"]
    list_filter = ["kind", "state", "channel", "failure"]
    list_select_related = ["channel"]
    search_fields = ["author", "external_id", "text"]
    date_hierarchy = "created_at"
    raw_id_fields = ["reply_to"]

    @admin.display(description="text")
    def start(self, message: Message) -> str:
        return message.text[:80]


@admin.register(Summary)
class SummaryAdmin(ReadAdmin):
    list_display = ["channel", "count", "first_id", "last_id", "created_at"]
    list_filter = ["channel"]
    list_select_related = ["channel"]


class LockedFilter(admin.SimpleListFilter):
    """Who can write, and who cannot."""

    title = "locked"
    parameter_name = "locked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> _Lookups:
        return [("yes", "cannot write"), ("no", "can write")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {"yes": {"score__lt": LOCKED_BELOW}, "no": {"score__gte": LOCKED_BELOW}}
        return queryset.filter(**wanted.get(self.value() or "", {}))


@admin.register(UserTrust)
class UserTrustAdmin(ReadAdmin):
    list_display = ["subject", "score", "is_locked", "updated_at"]
    list_filter = [LockedFilter]
    search_fields = ["subject"]
    actions = ["restore"]

    @admin.display(boolean=True, description="locked")
    def is_locked(self, row: UserTrust) -> bool:
        return row.locked

    @admin.action(description="Give all trust back", permissions=["act"])
    def restore(self, request: HttpRequest, rows: QuerySet[UserTrust]) -> None:
        for subject in rows.values_list("subject", flat=True):
            if self.allowed(request, action=MODERATE, resource=f"trust:{subject}"):
                trust.set_trust(
                    subject=subject,
                    score=FULL_TRUST,
                    by=_actor(request),
                    reason="restored in the admin",
                    now=timezone.now(),
                )


@admin.register(ModerationEvent)
class ModerationEventAdmin(ReadAdmin):
    list_display = ["at", "subject", "kind", "points", "reasons", "by"]
    list_filter = ["kind"]
    search_fields = ["subject"]
    raw_id_fields = ["message"]


@admin.register(Delivery)
class DeliveryAdmin(ReadAdmin):
    list_display = ["dedupe_key", "sender", "target", "status", "attempts", "error", "created_at", "ended_at"]
    list_filter = ["status", "sender", "target"]
    search_fields = ["dedupe_key", "receipt"]
    actions = ["did_arrive", "did_not_arrive"]

    @admin.action(description="Uncertain: it arrived", permissions=["act"])
    def did_arrive(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        self._decide(request, rows, arrived=True)

    @admin.action(description="Uncertain: it did not arrive", permissions=["act"])
    def did_not_arrive(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        self._decide(request, rows, arrived=False)

    def _decide(self, request: HttpRequest, rows: QuerySet[Delivery], *, arrived: bool) -> None:
        for pk in rows.values_list("pk", flat=True):
            if not self.allowed(request, action=DECIDE, resource=f"delivery:{pk}"):
                continue
            try:
                deliveries.decide(delivery_id=pk, arrived=arrived, by=_actor(request), now=timezone.now())
            except DeliveryDecidedError as error:
                self.message_user(request, str(error), messages.ERROR)


@admin.register(Reminder)
class ReminderAdmin(ReadAdmin):
    list_display = ["subject", "channel", "due_at", "status", "text"]
    list_filter = ["status", "channel"]
    list_select_related = ["channel"]
    search_fields = ["subject", "text"]
    raw_id_fields = ["delivery"]


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"
