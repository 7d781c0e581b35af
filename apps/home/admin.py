"""Services, what was measured of them, and the calendar in the admin."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
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

if TYPE_CHECKING:  # Django's own classes take no type argument when the code runs
    _AnyAdmin = admin.ModelAdmin[Model]
    _ServiceAdmin = admin.ModelAdmin[Service]
    _ServiceForm = ModelForm[Service]
else:
    _AnyAdmin = _ServiceAdmin = admin.ModelAdmin
    _ServiceForm = ModelForm


class ReadOnlyAdmin(_AnyAdmin):
    """Rows that jobs write: to be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


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
class ServiceAdmin(_ServiceAdmin):
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
class ProbeSampleAdmin(ReadOnlyAdmin):
    list_display = ["service", "at", "good", "status", "latency_ms", "failure"]
    list_filter = ["good", "failure", "service"]
    list_select_related = ["service"]


@admin.register(SloSnapshot)
class SloSnapshotAdmin(ReadOnlyAdmin):
    list_display = [
        "service",
        "at",
        "status",
        "good",
        "total",
        "availability_pct",
        "target_pct",
        "left_minutes",
    ]
    list_filter = ["status", "service"]
    list_select_related = ["service"]


@admin.register(ProbeLatch)
class ProbeLatchAdmin(ReadOnlyAdmin):
    list_display = ["service", "breached", "crossed_at", "crossings"]
    list_filter = ["breached"]
    list_select_related = ["service"]


@admin.register(CalendarEvent)
class CalendarEventAdmin(ReadOnlyAdmin):
    list_display = ["title", "starts_at", "ends_at", "place", "source"]
    list_filter = ["source"]
    search_fields = ["title", "place"]


@admin.register(CalendarFetch)
class CalendarFetchAdmin(ReadOnlyAdmin):
    list_display = ["source", "at", "succeeded_at", "events", "error"]


@admin.register(RecentNote)
class RecentNoteAdmin(ReadOnlyAdmin):
    list_display = ["title", "slug", "revision", "is_public", "is_removed", "changed_at"]
    list_filter = ["is_public", "is_removed"]
    search_fields = ["title", "slug"]
