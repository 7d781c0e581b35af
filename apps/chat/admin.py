"""Channels and what is said in them, trust, and deliveries that wait for a person, in the admin.

Words and trust change through the API, which asks compliance first; actions here ask it as well.
"""

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import Case, Model, QuerySet, When
from django.http import HttpRequest
from django.utils import timezone

from apps.chat import channels, deliveries, trust
from apps.chat.errors import ChatDeniedError, DeliveryDecidedError
from apps.chat.models import (
    FULL_TRUST,
    LOCKED_BELOW,
    Channel,
    Delivery,
    DeliveryStatus,
    Message,
    ModerationEvent,
    ModerationKind,
    Reminder,
    ReminderStatus,
    State,
    Summary,
    UserTrust,
    Visible,
)
from apps.chat.permission import DECIDE, MANAGE, MODERATE, require_permission
from monolith.admin.columns import Tone, badge, excerpt
from monolith.admin.pages import ReadOnlyAdmin

type _Lookups = list[tuple[str, str]]

TONES: Final = {
    State.ANSWERING: Tone.BUSY,
    State.ANSWERED: Tone.GOOD,
    State.DECLINED: Tone.QUIET,
    State.FAILED: Tone.BAD,
    DeliveryStatus.SENDING: Tone.BUSY,
    DeliveryStatus.POSTED: Tone.GOOD,
    DeliveryStatus.UNCERTAIN: Tone.WARN,  # a person says what became of it
    ReminderStatus.WAITING: Tone.BUSY,
    ReminderStatus.HANDED_ON: Tone.GOOD,
    ModerationKind.SCORED: Tone.WARN,
    ModerationKind.UNSCORED: Tone.WARN,
    ModerationKind.REFUSED: Tone.BAD,
    ModerationKind.SET: Tone.BUSY,
    Visible.ALL: Tone.WARN,  # private notes may be quoted there
}


class ReadAdmin[M: Model](ReadOnlyAdmin[M]):
    """Rows to look at, and to act on only by what services offer."""

    def allowed(self, request: HttpRequest, *, action: str, resource: str) -> bool:
        """Ask compliance, and tell the person when it says no."""
        try:
            require_permission(subject=_actor(request), action=action, resource=resource)
        except ChatDeniedError as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        return True


@admin.register(Channel)
class ChannelAdmin(ReadAdmin[Channel]):
    list_display = ["slug", "title", badge("answers_from", TONES), "kept_days", "archived", "created_at"]
    list_filter = ["archived", "answers_from"]
    search_fields = ["slug", "title"]
    actions = ["archive", "reopen"]

    @admin.action(description="Archive: nothing can be posted any more", permissions=["act"])
    def archive(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        self._set(request, rows, archived=True)

    @admin.action(description="Open again", permissions=["act"])
    def reopen(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        self._set(request, rows, archived=False)

    def _set(self, request: HttpRequest, rows: QuerySet[Channel], *, archived: bool) -> None:
        for slug in rows.values_list("slug", flat=True):
            if self.allowed(request, action=MANAGE, resource=f"channel:{slug}"):
                channels.set_archived(slug=slug, archived=archived)
                done = "archived" if archived else "open"
                self.message_user(request, f"The channel {slug} is {done}.", messages.SUCCESS)


@admin.register(Message)
class MessageAdmin(ReadAdmin[Message]):
    list_display = [
        "id",
        excerpt("text"),
        "channel",
        "author",
        "kind",
        badge("state", TONES),
        "failure",
        "created_at",
    ]
    list_filter = ["kind", "state", "channel", "created_at"]
    list_select_related = ["channel"]
    search_fields = ["=author", "=external_id", "text"]
    search_help_text = "A whole author (user:7) or external id, or words"
    ordering = ["-id"]  # the table has no index on the time alone

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).defer("citations")


@admin.register(Summary)
class SummaryAdmin(ReadAdmin[Summary]):
    list_display = ["channel", "count", excerpt("text"), "first_id", "last_id", "created_at"]
    list_filter = ["channel", "created_at"]
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
class UserTrustAdmin(ReadAdmin[UserTrust]):
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
                self.message_user(request, f"{subject} has all trust again.", messages.SUCCESS)


@admin.register(ModerationEvent)
class ModerationEventAdmin(ReadAdmin[ModerationEvent]):
    list_display = ["at", "subject", badge("kind", TONES), "points", excerpt("reasons"), "by"]
    list_filter = ["kind", "at"]
    search_fields = ["=subject", "=by"]
    search_help_text = "Whom it is about, or who did it: user:7"
    ordering = ["-id"]


@admin.register(Delivery)
class DeliveryAdmin(ReadAdmin[Delivery]):
    """Deliveries, those first of which a person has to say what became of them."""

    list_display = [
        "dedupe_key",
        badge("status", TONES),
        "sender",
        "target",
        excerpt("text"),
        "attempts",
        excerpt("error"),
        "created_at",
        "decided_by",
    ]
    list_filter = ["status", "sender", "created_at"]
    search_fields = ["dedupe_key", "receipt", "=target"]
    search_help_text = "A key, a receipt, or a whole target"
    actions = ["did_arrive", "did_not_arrive"]

    def get_ordering(self, request: HttpRequest) -> Any:
        return [Case(When(status=DeliveryStatus.UNCERTAIN, then=0), default=1), "-created_at", "-id"]

    @admin.action(description="Uncertain: it arrived", permissions=["act"])
    def did_arrive(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        self._decide(request, rows, arrived=True)

    @admin.action(description="Uncertain: it did not arrive", permissions=["act"])
    def did_not_arrive(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        self._decide(request, rows, arrived=False)

    def _decide(self, request: HttpRequest, rows: QuerySet[Delivery], *, arrived: bool) -> None:
        for pk, key in rows.values_list("pk", "dedupe_key"):
            if not self.allowed(request, action=DECIDE, resource=f"delivery:{pk}"):
                continue
            try:
                decided = deliveries.decide(
                    delivery_id=pk, arrived=arrived, by=_actor(request), now=timezone.now()
                )
            except DeliveryDecidedError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, f"{key} is {decided.status}.", messages.SUCCESS)


@admin.register(Reminder)
class ReminderAdmin(ReadAdmin[Reminder]):
    list_display = ["subject", "channel", "due_at", badge("status", TONES), excerpt("text")]
    list_filter = ["status", "channel", "due_at"]
    list_select_related = ["channel"]
    search_fields = ["=subject", "text"]
    search_help_text = "Whose it is, whole (user:7), or words"


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"
