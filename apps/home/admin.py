"""Services, what was measured of them, and the calendar in the admin."""

from typing import TYPE_CHECKING, Final

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest

from apps.home.errors import OriginNotAllowedError
from apps.home.models import (
    CalendarEvent,
    CalendarFetch,
    ProbeLatch,
    ProbeSample,
    RecentNote,
    Service,
    SloSnapshot,
)
from apps.home.origins import require_allowed
from contracts.home import Status
from monolith.admin.columns import Tone, badge, excerpt
from monolith.admin.pages import ModuleAdmin, ReadOnlyAdmin

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _ServiceForm = ModelForm[Service]
else:
    _ServiceForm = ModelForm

TONES: Final = {
    Status.HEALTHY.value: Tone.GOOD,
    Status.WARNING.value: Tone.WARN,
    Status.DEGRADED.value: Tone.BAD,
}


class ServiceForm(_ServiceForm):
    """Refuses addresses that are not to be probed."""

    def clean_origin(self) -> str:
        origin = str(self.cleaned_data["origin"]).rstrip("/")
        try:
            require_allowed(origin)
        except OriginNotAllowedError as error:
            raise ValidationError(str(error)) from error
        return origin


@admin.register(Service)
class ServiceAdmin(ModuleAdmin[Service]):
    form = ServiceForm
    list_display = [
        "name",
        "module",
        "origin",
        "path",
        "target_pct",
        "window_minutes",
        "active",
        "answered_at",
    ]
    list_filter = ["active", "module"]
    search_fields = ["name", "slug", "path"]
    prepopulated_fields = {"slug": ["name"]}
    # What is expected of a service changes by PATCH /api/home/slo/{slug}, which asks compliance first.
    readonly_fields = ["target_pct", "window_minutes", "answered_at", "created_at", "updated_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Service | None = None) -> bool:
        # Its history would go with it: switch it off.
        return False


@admin.register(ProbeSample)
class ProbeSampleAdmin(ReadOnlyAdmin[ProbeSample]):
    list_display = ["service", "at", "good", "status", "latency_ms", "failure"]
    list_filter = ["good", "failure", "service", "at"]
    date_hierarchy = "at"
    list_select_related = ["service"]


@admin.register(SloSnapshot)
class SloSnapshotAdmin(ReadOnlyAdmin[SloSnapshot]):
    list_display = [
        "service",
        "at",
        badge("status", TONES),
        "good",
        "total",
        "availability_pct",
        "target_pct",
        "left_minutes",
    ]
    list_filter = ["status", "service", "at"]
    date_hierarchy = "at"
    list_select_related = ["service"]


@admin.register(ProbeLatch)
class ProbeLatchAdmin(ReadOnlyAdmin[ProbeLatch]):
    list_display = ["service", "breached", "crossed_at", "crossings"]
    list_filter = ["breached"]
    list_select_related = ["service"]


@admin.register(CalendarEvent)
class CalendarEventAdmin(ReadOnlyAdmin[CalendarEvent]):
    list_display = ["title", "starts_at", "ends_at", "place", "source"]
    list_filter = ["source", "starts_at"]
    search_fields = ["title", "place"]
    date_hierarchy = "starts_at"


@admin.register(CalendarFetch)
class CalendarFetchAdmin(ReadOnlyAdmin[CalendarFetch]):
    list_display = ["source", "at", "succeeded_at", "events", excerpt("error")]


@admin.register(RecentNote)
class RecentNoteAdmin(ReadOnlyAdmin[RecentNote]):
    list_display = ["title", "slug", "revision", "is_public", "is_removed", "changed_at"]
    list_filter = ["is_public", "is_removed"]
    search_fields = ["title", "slug"]
