"""Sites and what is known of their skies in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from apps.stars.models import (
    FetchStatus,
    NightTable,
    Site,
    SiteForecast,
    SiteHour,
    SiteMonthClimatology,
    SiteMonthStat,
    ToldNight,
)
from apps.stars.services import compute_nights
from monolith.admin.columns import Tone, badge, excerpt
from monolith.admin.pages import ModuleAdmin, ReadOnlyAdmin


class OfSites(ReadOnlyAdmin[Model]):
    """Rows that jobs write for each site. Pruning alone removes them."""

    list_select_related = ["site"]
    search_fields = ["site__name", "site__slug"]


@admin.register(Site)
class SiteAdmin(ModuleAdmin[Site]):
    list_display = ["name", "country", "latitude", "longitude", "elevation_m", "time_zone", "forecast_at"]
    list_filter = ["country", "time_zone"]
    search_fields = ["name", "slug", "country", "summary"]
    prepopulated_fields = {"slug": ["name"]}
    fields = [
        "name",
        "slug",
        "country",
        "summary",
        "latitude",
        "longitude",
        "elevation_m",
        "time_zone",
        "forecast_at",
        "created_at",
        "updated_at",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> list[str]:
        kept = ["forecast_at", "created_at", "updated_at"]
        # A site does not move: its hours and nights are those of its place.
        return kept if obj is None else ["latitude", "longitude", "elevation_m", "time_zone", *kept]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Site | None = None) -> dict[str, Any]:
        return dict(self.prepopulated_fields) if obj is None else {}

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        deleted, counts, _, protected = super().get_deleted_objects(objs, request)
        # What hangs on a site goes with it, although nobody may remove it by itself.
        return deleted, counts, set(), protected

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        super().save_model(request, obj, form, change)
        if not change:
            compute_nights(now=timezone.now())


@admin.register(SiteForecast)
class SiteForecastAdmin(OfSites):
    list_display = [
        "site",
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
    list_filter = ["status", "provider"]
    search_fields = [*OfSites.search_fields, "error"]


@admin.register(SiteHour)
class SiteHourAdmin(OfSites):
    list_display = ["site", "starts_at", "night", "cloud_pct", "sun_altitude_deg", "clear_dark", "score"]
    list_filter = ["clear_dark", "night", "site"]


@admin.register(NightTable)
class NightTableAdmin(OfSites):
    list_display = ["site", "night", "dark_from", "dark_until", "moonrise", "moonset", "moonless_h"]
    list_filter = ["night", "site"]


@admin.register(ToldNight)
class ToldNightAdmin(OfSites):
    list_display = ["site", "night", "told_at"]
    list_filter = ["night"]


@admin.register(SiteMonthStat)
class SiteMonthStatAdmin(OfSites):
    list_display = ["site", "month", "nights", "good_nights", "dark_hours", "clear_dark_hours"]
    list_filter = ["month"]


@admin.register(SiteMonthClimatology)
class SiteMonthClimatologyAdmin(OfSites):
    list_display = ["site", "month", "cloud_pct", "clear_dark_pct", "source"]
    list_filter = ["month", "source"]
