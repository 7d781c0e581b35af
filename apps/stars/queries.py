"""What the public asks for. Reads the public tables only, so that it works as the anonymous role."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import cos, radians
from typing import Any, Final

from django.db.models import Avg, Count, F, FloatField, Max, Min, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import ASin, Cos, Least, Power, Radians, Sin, Sqrt

from apps.stars.models import NightTable, Site, SiteHour, SiteMonthClimatology, SiteMonthStat
from apps.stars.nights import DARK_DEG, night_of
from apps.stars.sky import Place
from apps.stars.weather import HOUR
from apps.stars.zones import zone_named

EARTH_RADIUS_KM: Final = 6371.0088  # mean radius, IUGG
MAX_NIGHTS_AHEAD: Final = 9  # as far as forecasts go

SITE_FIELDS: Final = (
    "id",
    "slug",
    "name",
    "country",
    "summary",
    "latitude",
    "longitude",
    "elevation_m",
    "time_zone",
    "forecast_at",
    "updated_at",
)
HOUR_FIELDS: Final = (
    "starts_at",
    "night",
    "temp_c",
    "humidity_pct",
    "wind_kmh",
    "cloud_pct",
    "dew_spread_c",
    "sun_altitude_deg",
    "moon_altitude_deg",
    "moon_illumination",
    "score",
    "clear_dark",
)


class SiteSort(StrEnum):
    """Orders of a list of sites."""

    NAME = "name"
    NEAREST = "nearest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which sites a caller is looking for; None means that it does not matter."""

    near: Place | None = None
    radius_km: float | None = None
    country: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """How many rows there are and how new they are: enough to know whether an answer changed."""

    total: int
    updated_at: datetime | None
    forecast_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BestNight:
    """A site's best night ahead."""

    slug: str
    name: str
    country: str
    latitude: float
    longitude: float
    away_km: float | None  # from the place asked about
    night: date
    starts_at: datetime  # its first clear dark hour
    clear_dark_hours: int
    score: int  # the mean of those hours


def find_sites(search: Search) -> QuerySet[Site]:
    """Return the sites that fit, unordered; annotated with `away_km` when `near` is given."""
    sites = Site.objects.all()
    if search.country is not None:
        sites = sites.filter(country__iexact=search.country)
    if search.text is not None:
        text = search.text
        sites = sites.filter(
            Q(name__icontains=text) | Q(country__icontains=text) | Q(summary__icontains=text)
        )
    if search.near is not None:
        sites = sites.annotate(away_km=away_km(search.near))
        if search.radius_km is not None:
            sites = sites.filter(away_km__lte=search.radius_km)
    return sites


def extent(sites: QuerySet[Site]) -> Extent:
    """Return the size and age of a set of sites, in one statement."""
    found = sites.aggregate(total=Count("pk"), updated_at=Max("updated_at"), forecast_at=Max("forecast_at"))
    return Extent(found["total"], found["updated_at"], found["forecast_at"])


def page(
    sites: QuerySet[Site], search: Search, *, sort: SiteSort, limit: int, offset: int
) -> list[dict[str, Any]]:
    """Return one page in the order asked for, ties by slug, in one statement."""
    fields = SITE_FIELDS if search.near is None else (*SITE_FIELDS, "away_km")
    order = "away_km" if sort is SiteSort.NEAREST else "name"
    return list(sites.order_by(order, "slug").values(*fields)[offset : offset + limit])


def get_site(slug: str) -> dict[str, Any] | None:
    """Return a site, in one statement; None when there is none."""
    return _first(Site.objects.filter(slug=slug).values(*SITE_FIELDS))


def nights_ahead(site: dict[str, Any], *, now: datetime) -> tuple[QuerySet[NightTable], Extent]:
    """Return the nights of a site from the one that its clocks are in, and how many and how new they are."""
    tonight = night_of(now, zone_named(site["time_zone"]))
    nights = NightTable.objects.filter(site=site["id"], night__gte=tonight)
    found = nights.aggregate(total=Count("pk"), updated_at=Max("computed_at"))
    return nights, Extent(found["total"], found["updated_at"], site["forecast_at"])


def night_page(nights: QuerySet[NightTable], *, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return one page of nights, each with what the forecast says of it (None beyond it), in two statements."""
    found = list(nights.order_by("night").values()[offset : offset + limit])
    if not found:
        return []
    hours = SiteHour.objects.filter(
        site=found[0]["site_id"], night__range=(found[0]["night"], found[-1]["night"])
    )
    forecasts = _by_night(hours)
    return [{**night, "forecast": forecasts.get(night["night"])} for night in found]


def _by_night(hours: QuerySet[SiteHour]) -> dict[date, Any]:
    dark = Q(sun_altitude_deg__lt=DARK_DEG)
    rows = hours.values("night").annotate(
        hours=Count("pk"),
        dark_hours=Count("pk", filter=dark),
        clear_dark_hours=Count("pk", filter=Q(clear_dark=True)),
        dark_cloud_pct=Avg("cloud_pct", filter=dark),
        best_score=Max("score"),
    )
    return {row["night"]: row for row in rows}


def hours_ahead(
    site: dict[str, Any], *, now: datetime, night: date | None, clear_dark: bool | None
) -> tuple[QuerySet[SiteHour], int]:
    """Return the hours of a site that are not over, in order, and how many there are."""
    wanted: dict[str, Any] = {"site": site["id"], "starts_at__gt": now - HOUR}
    wanted |= {} if night is None else {"night": night}
    wanted |= {} if clear_dark is None else {"clear_dark": clear_dark}
    hours = SiteHour.objects.filter(**wanted).order_by("starts_at")
    return hours, hours.count()


def hour_page(hours: QuerySet[SiteHour], *, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return one page of hours, in one statement."""
    return list(hours.values(*HOUR_FIELDS)[offset : offset + limit])


def history_version(site: dict[str, Any]) -> tuple[object, ...]:
    """Return the count and age of a site's banked months, then those of its usual ones, in two statements."""
    version: list[object] = []
    for months in (SiteMonthStat.objects, SiteMonthClimatology.objects):
        found = months.filter(site=site["id"]).aggregate(total=Count("pk"), newest=Max("updated_at"))
        version += found.values()
    return tuple(version)


def month_page(site: dict[str, Any], *, limit: int, offset: int) -> list[SiteMonthStat]:
    """Return one page of a site's banked months, newest first, in one statement."""
    months = SiteMonthStat.objects.filter(site=site["id"]).order_by("-month")
    return list(months[offset : offset + limit])


def usual_months(site: dict[str, Any]) -> list[SiteMonthClimatology]:
    """Return what a site's months are usually like, in one statement."""
    return list(SiteMonthClimatology.objects.filter(site=site["id"]).order_by("month"))


def best_nights(
    *, now: datetime, near: Place | None = None, radius_km: float | None = None, nights: int, limit: int
) -> list[BestNight]:
    """Return the sites with clear dark hours in the days ahead, each with its best night, best first.

    A night is better with more clear dark hours, then with a higher mean score, then by nearness. One statement.
    """
    hours = SiteHour.objects.filter(
        clear_dark=True, starts_at__gt=now - HOUR, starts_at__lt=now + timedelta(days=nights)
    )
    fields = {field: F(f"site__{field}") for field in ("slug", "name", "country", "latitude", "longitude")}
    if near is not None:
        hours = hours.annotate(away_km=away_km(near, "site__"))
        fields["away_km"] = F("away_km")
        if radius_km is not None:
            hours = hours.filter(away_km__lte=radius_km)
    rows = hours.values("night", **fields).annotate(
        starts_at=Min("starts_at"), clear_dark_hours=Count("pk"), mean=Avg("score")
    )
    best: dict[str, BestNight] = {}
    for night in sorted((_best_night(dict(row)) for row in rows), key=_worth):
        best.setdefault(night.slug, night)
    return list(best.values())[:limit]


def _best_night(row: dict[str, Any]) -> BestNight:
    mean = row.pop("mean")
    return BestNight(**{"away_km": None} | row, score=round(mean))


def _worth(night: BestNight) -> tuple[object, ...]:
    return -night.clear_dark_hours, -night.score, night.away_km or 0.0, night.slug, night.night


def away_km(near: Place, prefix: str = "") -> Combinable:
    """Return the great-circle distance of a site from a place, as SQL: the haversine formula."""
    latitude, longitude = Radians(F(f"{prefix}latitude")), Radians(F(f"{prefix}longitude"))
    north = Power(Sin((latitude - _number(radians(near.latitude))) / 2.0), 2.0)
    east = Power(Sin((longitude - _number(radians(near.longitude))) / 2.0), 2.0)
    haversine = north + _number(cos(radians(near.latitude))) * Cos(latitude) * east
    return _number(2 * EARTH_RADIUS_KM) * ASin(Least(_number(1.0), Sqrt(haversine)))


def _first(rows: Iterable[Any]) -> dict[str, Any] | None:
    # Not `.first()`, which would sort what is one row at most.
    return next(iter(rows), None)


def _number(value: float) -> Value:
    return Value(value, output_field=FloatField())
