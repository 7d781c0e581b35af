"""Walks, windows and forecast fetches in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.hikes import services
from apps.hikes.announcing import public_name, tell_of_removal, tell_of_walk
from apps.hikes.models import FetchStatus, ForecastFetch, Walk, Window
from monolith import atomic
from monolith.admin.columns import Tone, badge, excerpt
from monolith.admin.pages import ModuleAdmin, ReadOnlyAdmin


@admin.register(Walk)
class WalkAdmin(ModuleAdmin[Walk]):
    list_display = [
        "name",
        "region",
        "distance_km",
        "ascent_m",
        "duration_h",
        "difficulty",
        "published",
        "windows_at",
    ]
    list_filter = ["published", "difficulty", "region"]
    search_fields = ["name", "slug", "region", "summary"]
    readonly_fields = [
        "id",
        "latitude",
        "longitude",
        "distance_km",
        "ascent_m",
        "descent_m",
        "duration_h",
        "track_points",
        "gpx_checksum",
        "windows_at",
        "created_at",
        "updated_at",
    ]
    fields = ["name", "slug", "region", "summary", "difficulty", "published", *readonly_fields]
    actions = ["publish", "retire"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Walk]:
        return super().get_queryset(request).defer("gpx")

    def has_add_permission(self, request: HttpRequest) -> bool:
        # A walk is made from a file: POST /api/hikes/uploads.
        return False

    def save_model(self, request: HttpRequest, obj: Walk, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        before = public_name(self._stored(obj))
        super().save_model(request, obj, form, change)
        tell_of_walk(obj, before=before)

    def delete_model(self, request: HttpRequest, obj: Walk) -> None:
        super().delete_model(request, obj)
        if obj.published:
            tell_of_removal(obj.slug)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Walk]) -> None:
        with atomic():
            for walk in queryset:
                self.delete_model(request, walk)

    def _stored(self, walk: Walk) -> Walk:
        return Walk.objects.select_for_update().only("slug", "published").get(pk=walk.pk)

    @admin.display(description="Points of the track")
    def track_points(self, walk: Walk) -> int:
        return len(walk.track)

    @admin.action(description="Publish the selected walks", permissions=["change"])
    def publish(self, request: HttpRequest, walks: QuerySet[Walk]) -> None:
        for slug in walks.values_list("slug", flat=True):
            services.publish_walk(slug=slug)
        self.message_user(request, "The walks are public.", messages.SUCCESS)

    @admin.action(description="Retire the selected walks", permissions=["change"])
    def retire(self, request: HttpRequest, walks: QuerySet[Walk]) -> None:
        for slug in walks.values_list("slug", flat=True):
            services.retire_walk(slug=slug)
        self.message_user(request, "The walks are no longer public.", messages.SUCCESS)


@admin.register(Window)
class WindowAdmin(ReadOnlyAdmin[Window]):
    removable = True
    list_display = ["walk", "starts_at", "temp_c", "precip_mm", "wind_kmh", "cloud_pct", "viable"]
    list_filter = ["viable", "day"]
    list_select_related = ["walk"]
    search_fields = ["walk__name", "walk__slug"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("walk__track")


@admin.register(ForecastFetch)
class ForecastFetchAdmin(ReadOnlyAdmin[ForecastFetch]):
    removable = True
    list_display = [
        "walk",
        "provider",
        "at",
        badge(
            "status",
            {
                FetchStatus.FETCHED: Tone.GOOD,
                FetchStatus.UNCHANGED: Tone.GOOD,
                FetchStatus.EMPTY: Tone.WARN,
                FetchStatus.FAILED: Tone.BAD,
            },
        ),
        "expires",
        excerpt("error"),
    ]
    list_filter = ["status", "provider", "at"]
    list_select_related = ["walk"]
    search_fields = ["walk__name", "walk__slug", "error"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("walk__gpx", "walk__track")
