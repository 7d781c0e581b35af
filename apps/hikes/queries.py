"""What the public asks for. Reads the public tables only, so that it works as the anonymous role."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import asin, cos, degrees, radians, sin
from typing import Any, Final

from django.db.models import Count, Exists, F, FloatField, Max, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import ASin, Cos, Least, Power, Radians, Sin, Sqrt

from apps.hikes.geometry import EARTH_RADIUS_KM
from apps.hikes.models import PublicWalk, Window
from apps.hikes.walking_time import Grade

WALK_FIELDS: Final = (
    "id",
    "slug",
    "name",
    "region",
    "summary",
    "latitude",
    "longitude",
    "distance_km",
    "ascent_m",
    "descent_m",
    "duration_h",
    "difficulty",
    "windows_at",
    "updated_at",
)
WINDOW_FIELDS: Final = ("starts_at", "day", "temp_c", "precip_mm", "wind_kmh", "cloud_pct", "viable")


class WalkSort(StrEnum):
    """Orders of a list; a minus turns one around."""

    NAME = "name"
    NEAREST = "nearest"
    SHORTEST = "distance"
    LONGEST = "-distance"
    LEAST_ASCENT = "ascent"
    MOST_ASCENT = "-ascent"
    QUICKEST = "duration"
    SLOWEST = "-duration"


_ORDER: Final = {
    WalkSort.NAME: "name",
    WalkSort.NEAREST: "away_km",
    WalkSort.SHORTEST: "distance_km",
    WalkSort.LONGEST: "-distance_km",
    WalkSort.LEAST_ASCENT: "ascent_m",
    WalkSort.MOST_ASCENT: "-ascent_m",
    WalkSort.QUICKEST: "duration_h",
    WalkSort.SLOWEST: "-duration_h",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a caller is looking for; None means that it does not matter."""

    near: tuple[float, float] | None = None  # degrees north, degrees east
    radius_km: float | None = None
    min_km: float | None = None
    max_km: float | None = None
    max_ascent_m: float | None = None
    max_hours: float | None = None
    difficulty: Grade | None = None
    region: str | None = None
    text: str | None = None
    on: date | None = None  # a day at the walk with a viable window that is not over
    sort: WalkSort = WalkSort.NAME


@dataclass(frozen=True, slots=True)
class Extent:
    """How many rows there are and how new they are: enough to know whether an answer changed."""

    total: int
    updated_at: datetime | None
    windows_at: datetime | None


def find_walks(search: Search, *, now: datetime) -> QuerySet[PublicWalk]:
    """Return the walks that fit, unordered; annotated with `away_km` when `near` is given."""
    walks = PublicWalk.objects.filter(_conditions(search))
    if search.on is not None:
        windows = Window.objects.filter(
            walk=OuterRef("pk"), viable=True, day=search.on, starts_at__gte=_hour(now)
        )
        walks = walks.filter(Exists(windows))
    if search.near is not None:
        walks = walks.annotate(away_km=away_km(*search.near))
        if search.radius_km is not None:
            walks = walks.filter(bounding_box(*search.near, search.radius_km), away_km__lte=search.radius_km)
    return walks


def extent(walks: QuerySet[PublicWalk]) -> Extent:
    """Return the size and age of a set of walks, in one statement."""
    found = walks.aggregate(total=Count("pk"), updated_at=Max("updated_at"), windows_at=Max("windows_at"))
    return Extent(found["total"], found["updated_at"], found["windows_at"])


def page(walks: QuerySet[PublicWalk], search: Search, *, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return one page in the order asked for, ties by slug, in one statement."""
    fields = WALK_FIELDS if search.near is None else (*WALK_FIELDS, "away_km")
    return list(walks.order_by(_ORDER[search.sort], "slug").values(*fields)[offset : offset + limit])


def get_walk(slug: str) -> dict[str, Any] | None:
    """Return a published walk without its track, in one statement; None when there is none."""
    return _first(PublicWalk.objects.filter(slug=slug).values(*WALK_FIELDS))


def get_track(slug: str) -> dict[str, Any] | None:
    """Return a published walk with its track; None when there is none."""
    return _first(PublicWalk.objects.filter(slug=slug).values(*WALK_FIELDS, "track"))


def get_windows(
    slug: str, *, now: datetime, viable: bool | None, day: date | None
) -> tuple[dict[str, Any], QuerySet[Window]] | None:
    """Return a walk's forecast age and count, and its hours that are not over; None when there is no walk."""
    wanted: dict[str, Any] = {"starts_at__gte": _hour(now)}
    wanted |= {} if viable is None else {"viable": viable}
    wanted |= {} if day is None else {"day": day}
    counted = Count("windows", filter=Q(**{f"windows__{field}": value for field, value in wanted.items()}))
    walks = PublicWalk.objects.filter(slug=slug).values("id", "windows_at", "updated_at")
    head = _first(walks.annotate(total=counted))
    if head is None:
        return None
    return head, Window.objects.filter(**wanted, walk=head["id"]).order_by("starts_at")


def window_page(windows: QuerySet[Window], *, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return one page of hours, in one statement."""
    return list(windows.values(*WINDOW_FIELDS)[offset : offset + limit])


def away_km(latitude: float, longitude: float) -> Combinable:
    """Return the great-circle distance of a walk's start from a place in degrees, as SQL.

    The haversine formula of `geometry.distance_m`, in functions that every PostgreSQL has.
    """
    north = Power(Sin((Radians(F("latitude")) - _number(radians(latitude))) / 2.0), 2.0)
    east = Power(Sin((Radians(F("longitude")) - _number(radians(longitude))) / 2.0), 2.0)
    haversine = north + _number(cos(radians(latitude))) * Cos(Radians(F("latitude"))) * east
    return _number(2 * EARTH_RADIUS_KM) * ASin(Least(_number(1.0), Sqrt(haversine)))


def bounding_box(latitude: float, longitude: float, radius_km: float) -> Q:
    """Return a condition that every point within the radius meets, and that an index can answer."""
    angle = radius_km / EARTH_RADIUS_KM
    south, north = latitude - degrees(angle), latitude + degrees(angle)
    box = Q(latitude__range=(max(south, -90.0), min(north, 90.0)))
    if south <= -90 or north >= 90:
        return box  # it reaches over a pole, where every meridian is near
    spread = degrees(asin(min(1.0, sin(angle) / cos(radians(latitude)))))
    west, east = longitude - spread, longitude + spread
    if west < -180:
        return box & (Q(longitude__gte=west + 360) | Q(longitude__lte=east))
    if east > 180:
        return box & (Q(longitude__gte=west) | Q(longitude__lte=east - 360))
    return box & Q(longitude__range=(west, east))


def _conditions(search: Search) -> Q:
    given = {
        "distance_km__gte": search.min_km,
        "distance_km__lte": search.max_km,
        "ascent_m__lte": search.max_ascent_m,
        "duration_h__lte": search.max_hours,
        "difficulty": search.difficulty,
        "region__iexact": search.region,
    }
    conditions = Q(**{key: value for key, value in given.items() if value is not None})
    if search.text is not None:
        text = search.text
        conditions &= Q(name__icontains=text) | Q(region__icontains=text) | Q(summary__icontains=text)
    return conditions


def _first(rows: Iterable[Any]) -> dict[str, Any] | None:
    # Not `.first()`, which would sort what is one row at most.
    return next(iter(rows), None)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _number(value: float) -> Value:
    return Value(value, output_field=FloatField())
