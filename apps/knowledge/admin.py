"""Notes and what people decide about them, in the admin. Words are changed through the API, which keeps revisions."""

from typing import TYPE_CHECKING, Any, Literal

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.knowledge import gaps, services
from apps.knowledge.announcing import tell_of_removal
from apps.knowledge.errors import GapClosedError, PublishingRefusedError
from apps.knowledge.models import Dispute, Gap, GapStatus, Note, RawInput, SearchAudit
from apps.knowledge.publishing import publish_note
from monolith import atomic

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _AnyAdmin = admin.ModelAdmin[Model]
else:
    _AnyAdmin = admin.ModelAdmin


Decision = Literal[GapStatus.ACCEPTED, GapStatus.DISMISSED]


class ReadOnlyAdmin(_AnyAdmin):
    """Rows to look at, and to act on only by what services offer."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        # Who may change such rows may do it by the actions alone.
        return request.user.has_perm(f"knowledge.change_{self.model._meta.model_name}")


@admin.register(Note)
class NoteAdmin(ReadOnlyAdmin):
    list_display = ["title", "slug", "visibility", "verification", "revision", "updated_at"]
    list_filter = ["visibility", "verification"]
    search_fields = ["title", "slug"]
    fields = [
        "title",
        "slug",
        "visibility",
        "verification",
        "tags",
        "aliases",
        "observed_at",
        "revision",
        "created_at",
        "updated_at",
        "body",
    ]
    actions = ["publish", "retire"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).defer("html")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        tell_of_removal([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        with atomic():
            notes = list(queryset)
            super().delete_queryset(request, queryset)
            tell_of_removal(notes)

    @admin.action(description="Publish the selected notes", permissions=["act"])
    def publish(self, request: HttpRequest, notes: QuerySet[Note]) -> None:
        for slug in notes.values_list("slug", flat=True):
            try:
                publish_note(slug=slug, subject=_actor(request))
            except PublishingRefusedError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, f"'{slug}' is public.", messages.SUCCESS)

    @admin.action(description="Retire the selected notes", permissions=["act"])
    def retire(self, request: HttpRequest, notes: QuerySet[Note]) -> None:
        for slug in notes.values_list("slug", flat=True):
            services.retire_note(slug=slug)
        self.message_user(request, "The notes are no longer public.", messages.SUCCESS)


@admin.register(Gap)
class GapAdmin(ReadOnlyAdmin):
    list_display = ["term", "mentions", "status", "opened_at", "reviewed_by"]
    list_filter = ["status"]
    search_fields = ["term", "key"]
    actions = ["accept", "dismiss"]

    @admin.action(description="Accept: somebody means to write it", permissions=["act"])
    def accept(self, request: HttpRequest, rows: QuerySet[Gap]) -> None:
        self._review(request, rows, GapStatus.ACCEPTED)

    @admin.action(description="Dismiss: it needs no note", permissions=["act"])
    def dismiss(self, request: HttpRequest, rows: QuerySet[Gap]) -> None:
        self._review(request, rows, GapStatus.DISMISSED)

    def _review(self, request: HttpRequest, rows: QuerySet[Gap], decision: Decision) -> None:
        for key in rows.values_list("key", flat=True):
            try:
                gaps.review_gap(key=key, decision=decision, reviewer=_actor(request), now=timezone.now())
            except GapClosedError as error:
                self.message_user(request, str(error), messages.ERROR)


@admin.register(RawInput)
class RawInputAdmin(ReadOnlyAdmin):
    list_display = ["sha256", "origin", "received_from", "received_at", "status", "note"]
    list_filter = ["status", "media_type"]
    list_select_related = ["note"]
    search_fields = ["sha256", "origin"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).defer("note__body", "note__html")


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    list_display = ["note", "claim", "status", "raised_by", "raised_at", "settled_by"]
    list_filter = ["status"]
    list_select_related = ["note"]
    search_fields = ["note__title", "note__slug", "claim"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).defer("note__body", "note__html")


@admin.register(SearchAudit)
class SearchAuditAdmin(ReadOnlyAdmin):
    list_display = ["at", "asked_by", "query", "mode", "found", "took_ms"]
    list_filter = ["mode", "asked_by"]
    search_fields = ["query"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"
