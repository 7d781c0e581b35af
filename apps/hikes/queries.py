"""What the public asks for. Reads the public tables only, so that it works as the anonymous role.

The questions about walks are written in SQL (`sql/`): on the busiest routes the ORM's time to compile them is most of a
request.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from math import asin, cos, degrees, radians, sin
from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from psycopg.sql import SQL, Composable, Identifier

from apps.hikes.geometry import EARTH_RADIUS_KM
from apps.hikes.models import PublicWalk, Window
from apps.hikes.walking_time import Grade
from monolith import connection

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
    WalkSort.NAME: "name, slug",
    WalkSort.NEAREST: "away_km, slug",
    WalkSort.SHORTEST: "distance_km, slug",
    WalkSort.LONGEST: "distance_km DESC, slug",
    WalkSort.LEAST_ASCENT: "ascent_m, slug",
    WalkSort.MOST_ASCENT: "ascent_m DESC, slug",
    WalkSort.QUICKEST: "duration_h, slug",
    WalkSort.SLOWEST: "duration_h DESC, slug",
}

# What each field of a Search asks of a walk.
_CONDITION: Final = {
    "min_km": "distance_km >= %(min_km)s",
    "max_km": "distance_km <= %(max_km)s",
    "max_ascent_m": "ascent_m <= %(max_ascent_m)s",
    "max_hours": "duration_h <= %(max_hours)s",
    "difficulty": "difficulty = %(difficulty)s",
    "region": "upper(region) = upper(%(region)s)",
    "text": "(name ILIKE %(text)s OR region ILIKE %(text)s OR summary ILIKE %(text)s)",
    "on": """EXISTS (SELECT FROM hikes_window AS w
        WHERE w.walk_id = hikes_public_walk.id AND w.viable AND w.day = %(on)s AND w.starts_at >= %(hour)s)""",
}
# The great-circle distance of a walk's start from a place: the haversine formula of `geometry.distance_m`, in
# functions that every PostgreSQL has.
_AWAY_KM: Final = f"""
    {2 * EARTH_RADIUS_KM} * asin(least(1.0, sqrt(
        power(sin((radians(latitude) - radians(%(latitude)s)) / 2), 2)
        + cos(radians(%(latitude)s)) * cos(radians(latitude))
        * power(sin((radians(longitude) - radians(%(longitude)s)) / 2), 2))))
"""
# What every point within a radius meets, and what an index can answer. The last is for a box across the date line.
_LATITUDES: Final = "latitude BETWEEN %(south)s AND %(north)s"
_LONGITUDES: Final = "longitude BETWEEN %(west)s AND %(east)s"
_LONGITUDES_AROUND: Final = "(longitude >= %(west)s OR longitude <= %(east)s)"


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
    """How many rows there are and a text that changes when they do: enough to know whether an answer changed."""

    total: int
    version: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the walks that fit, and the extent of all of them at that moment."""

    extent: Extent
    items: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Walks:
    """The walks that fit a search, as conditions that are still to be asked."""

    conditions: tuple[str, ...]
    parameters: Mapping[str, Any]
    sort: WalkSort
    is_near: bool  # answers hold `away_km`


def find_walks(search: Search, *, now: datetime) -> Walks:
    """Return the walks that fit; their answers hold `away_km` when `near` is given."""
    parameters: dict[str, Any] = {
        name: value for name in _CONDITION if (value := getattr(search, name)) is not None
    }
    conditions = [_CONDITION[name] for name in parameters]
    if search.text is not None:
        parameters["text"] = f"%{_literally(search.text)}%"
    if search.on is not None:
        parameters["hour"] = _hour(now)
    if search.near is not None:
        parameters["latitude"], parameters["longitude"] = map(float, search.near)
        if search.radius_km is not None:
            box, edges = bounding_box(*search.near, search.radius_km)
            conditions += [*box, f"{_AWAY_KM} <= %(radius_km)s"]
            parameters |= {**edges, "radius_km": float(search.radius_km)}
    return Walks(tuple(conditions), parameters, search.sort, search.near is not None)


def extent(walks: Walks) -> Extent:
    """Return the size and version of a set of walks, in one statement."""
    (row,) = _rows(_statement("walks_extent", conditions=walks.conditions), walks.parameters)
    return Extent(*row)


def page(walks: Walks, *, limit: int, offset: int) -> Page:
    """Return one page in the order asked for, ties by slug, in one statement."""
    fields = (*WALK_FIELDS, "away_km") if walks.is_near else WALK_FIELDS
    statement = _statement("walks_page", fields=fields, conditions=walks.conditions, order=_ORDER[walks.sort])
    rows = _rows(statement, {**walks.parameters, "limit": limit, "offset": offset})
    total, version, *_ = rows[0]
    found = [dict(zip(fields, walk, strict=True)) for _, _, *walk in rows if walk[0] is not None]
    return Page(Extent(total, version), found)


def get_walk(slug: str) -> dict[str, Any] | None:
    """Return a published walk without its track, in one statement; None when there is none."""
    return _walk(slug, WALK_FIELDS)


def get_track(slug: str) -> dict[str, Any] | None:
    """Return a published walk with its track; None when there is none."""
    walk = _walk(slug, (*WALK_FIELDS, "track"))
    return walk and walk | {"track": json.loads(walk["track"])}


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


def bounding_box(
    latitude: float, longitude: float, radius_km: float
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Return conditions for an index, which every point within the radius meets, and their edges in degrees."""
    angle = radius_km / EARTH_RADIUS_KM
    south, north = latitude - degrees(angle), latitude + degrees(angle)
    edges = {"south": max(south, -90.0), "north": min(north, 90.0)}
    if south <= -90 or north >= 90:
        return (_LATITUDES,), edges  # it reaches over a pole, where every meridian is near
    spread = degrees(asin(min(1.0, sin(angle) / cos(radians(latitude)))))
    west, east = longitude - spread, longitude + spread
    if west < -180:
        return (_LATITUDES, _LONGITUDES_AROUND), edges | {"west": west + 360, "east": east}
    if east > 180:
        return (_LATITUDES, _LONGITUDES_AROUND), edges | {"west": west, "east": east - 360}
    return (_LATITUDES, _LONGITUDES), edges | {"west": west, "east": east}


def _walk(slug: str, fields: tuple[str, ...]) -> dict[str, Any] | None:
    row = _first(_rows(_statement("walk", fields=fields), {"slug": slug}))
    return row and dict(zip(fields, row, strict=True))


@cache  # of at most a few hundred combinations: values are bound, never written in
def _statement(
    name: str, *, fields: tuple[str, ...] = (), conditions: tuple[str, ...] = (), order: str = ""
) -> str:
    """Return one of the statements in `sql/` with its parts, all of them constants of this file."""
    columns = [SQL(_AWAY_KM + " AS away_km") if f == "away_km" else Identifier(f) for f in fields]
    parts: dict[str, Composable] = {
        "fields": SQL(", ").join(columns),
        "conditions": SQL(" AND ").join([SQL(c) for c in conditions] or [SQL("true")]),
        "order": SQL(order),
    }
    text = files("apps.hikes").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return SQL(text).format(**parts).as_string()


def _rows(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection().cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _literally(text: str) -> str:
    """Return text as a LIKE pattern that stands for itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _first(rows: Iterable[Any]) -> dict[str, Any] | None:
    # Not `.first()`, which would sort what is one row at most.
    return next(iter(rows), None)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
