"""Notes and what people decide about them, in the admin. Words are changed through the API, which keeps revisions."""

from typing import Any, Final, Literal

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.knowledge import disputes, gaps, raw_input, services
from apps.knowledge.announcing import tell_of_removal
from apps.knowledge.errors import DisputeSettledError, GapClosedError, PublishingRefusedError
from apps.knowledge.models import (
    Dispute,
    DisputeStatus,
    Gap,
    GapStatus,
    Note,
    RawInput,
    RawStatus,
    SearchAudit,
    Verification,
    Visibility,
)
from apps.knowledge.publishing import publish_note
from monolith import atomic
from monolith.admin.columns import Tone, badge, excerpt
from monolith.admin.pages import ON_LIST_AND_ROW, ReadOnlyAdmin

Decision = Literal[GapStatus.ACCEPTED, GapStatus.DISMISSED]
Outcome = Literal[DisputeStatus.UPHELD, DisputeStatus.REJECTED]
TONES: Final = {
    Visibility.PUBLIC: Tone.BUSY,
    Verification.VERIFIED: Tone.GOOD,
    Verification.DISPUTED: Tone.BAD,
    GapStatus.OPEN: Tone.WARN,
    GapStatus.ACCEPTED: Tone.BUSY,
    GapStatus.FILLED: Tone.GOOD,
    RawStatus.WAITING: Tone.WARN,
    RawStatus.USED: Tone.GOOD,
    DisputeStatus.UPHELD: Tone.BAD,
    DisputeStatus.REJECTED: Tone.QUIET,
}


@admin.register(Note)
class NoteAdmin(ReadOnlyAdmin[Note]):
    removable = True
    list_display = [
        "title",
        "slug",
        badge("visibility", TONES),
        badge("verification", TONES),
        "revision",
        "updated_at",
    ]
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
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
class GapAdmin(ReadOnlyAdmin[Gap]):
    removable = True
    list_display = ["term", "mentions", badge("status", TONES), "opened_at", "reviewed_by"]
    list_filter = ["status"]
    search_fields = ["term", "key"]
    actions = ["accept", "dismiss"]

    @admin.action(
        description="Accept: somebody means to write it", permissions=["act"], location=ON_LIST_AND_ROW
    )
    def accept(self, request: HttpRequest, rows: QuerySet[Gap]) -> None:
        self._review(request, rows, GapStatus.ACCEPTED)

    @admin.action(description="Dismiss: it needs no note", permissions=["act"], location=ON_LIST_AND_ROW)
    def dismiss(self, request: HttpRequest, rows: QuerySet[Gap]) -> None:
        self._review(request, rows, GapStatus.DISMISSED)

    def _review(self, request: HttpRequest, rows: QuerySet[Gap], decision: Decision) -> None:
        for key in rows.values_list("key", flat=True):
            try:
                gaps.review_gap(key=key, decision=decision, reviewer=_actor(request), now=timezone.now())
            except GapClosedError as error:
                self.message_user(request, str(error), messages.ERROR)


@admin.register(RawInput)
class RawInputAdmin(ReadOnlyAdmin[RawInput]):
    removable = True
    list_display = [
        excerpt("sha256", 13),
        excerpt("origin"),
        "received_from",
        "received_at",
        badge("status", TONES),
        "note",
    ]
    list_filter = ["status", "media_type", "received_at"]
    list_select_related = ["note"]
    search_fields = ["sha256", "origin"]
    actions = ["discard"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("note__body", "note__html")

    @admin.action(description="Discard: no note is made of it", permissions=["act"], location=ON_LIST_AND_ROW)
    def discard(self, request: HttpRequest, rows: QuerySet[RawInput]) -> None:
        waiting = rows.filter(status=RawStatus.WAITING).values_list("sha256", flat=True)
        for sha256 in waiting:
            raw_input.discard_raw(sha256=sha256)
        self.message_user(request, f"{len(waiting)} inputs that waited were discarded.", messages.SUCCESS)


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin[Dispute]):
    removable = True
    list_display = ["note", excerpt("claim"), badge("status", TONES), "raised_by", "raised_at", "settled_by"]
    list_filter = ["status"]
    list_select_related = ["note"]
    search_fields = ["note__title", "note__slug", "claim"]
    actions = ["uphold", "reject"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("note__body", "note__html")

    @admin.action(description="Uphold: the note was wrong", permissions=["act"], location=ON_LIST_AND_ROW)
    def uphold(self, request: HttpRequest, rows: QuerySet[Dispute]) -> None:
        self._settle(request, rows, DisputeStatus.UPHELD)

    @admin.action(description="Reject: the note stands", permissions=["act"], location=ON_LIST_AND_ROW)
    def reject(self, request: HttpRequest, rows: QuerySet[Dispute]) -> None:
        self._settle(request, rows, DisputeStatus.REJECTED)

    def _settle(self, request: HttpRequest, rows: QuerySet[Dispute], outcome: Outcome) -> None:
        for number in rows.order_by("pk").values_list("pk", flat=True):
            try:
                disputes.settle_dispute(
                    number=number, outcome=outcome, settled_by=_actor(request), now=timezone.now()
                )
            except DisputeSettledError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, f"Dispute {number} is {outcome}.", messages.SUCCESS)


@admin.register(SearchAudit)
class SearchAuditAdmin(ReadOnlyAdmin[SearchAudit]):
    list_display = ["at", "asked_by", "query", "mode", "found", "took_ms"]
    list_filter = ["mode", "at"]
    search_fields = ["query", "=asked_by"]  # a filter by who asked would read the whole table for its names
    date_hierarchy = "at"


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"
