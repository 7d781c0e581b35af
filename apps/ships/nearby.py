"""Vessels near a place."""

from datetime import datetime
from importlib.resources import files
from math import asin, cos, degrees, radians, sin
from typing import Any, Final

from monolith import connection

EARTH_RADIUS_KM: Final = 6371.0088  # mean radius, IUGG
FIELDS: Final = (
    *("mmsi", "name", "ship_type", "at", "latitude", "longitude", "sog", "cog", "heading"),
    *("anchored_since", "away_km"),
)
_NEAR: Final = (files("apps.ships") / "sql" / "vessels_near.sql").read_text(encoding="utf-8")


def vessels_near(
    *, latitude: float, longitude: float, radius_km: float, since: datetime, limit: int
) -> list[dict[str, Any]]:
    """Return the vessels last heard within a radius of a place since then, nearest first."""
    asked = {"latitude": latitude, "longitude": longitude, "radius_km": radius_km}
    with connection().cursor() as cursor:
        cursor.execute(
            _NEAR, asked | bounds(latitude, longitude, radius_km) | {"since": since, "limit": limit}
        )
        return [dict(zip(FIELDS, row, strict=True)) for row in cursor]


def bounds(latitude: float, longitude: float, radius_km: float) -> dict[str, float]:
    """Return the edges in degrees of a box around all that is within a radius.

    `west` is east of `east` where it crosses the antimeridian.
    """
    angle = radius_km / EARTH_RADIUS_KM
    south, north = latitude - degrees(angle), latitude + degrees(angle)
    edges = {"south": max(south, -90.0), "north": min(north, 90.0)}
    if south <= -90 or north >= 90:
        return edges | {"west": -180.0, "east": 180.0}  # over a pole every meridian is near
    spread = degrees(asin(min(1.0, sin(angle) / cos(radians(latitude)))))
    west, east = longitude - spread, longitude + spread
    return edges | {
        "west": west + 360 if west < -180 else west,
        "east": east - 360 if east > 180 else east,
    }
