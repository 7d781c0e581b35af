"""What ships promises other modules, kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.ships import nearby, queries
from contracts.ships import Around, Hours, Limit, Mmsi, Sighting, Vessel, VesselNear, VesselNotFound


def vessels_near(*, near: Around, within_hours: Hours = 1.0, limit: Limit = 50) -> list[VesselNear]:
    """Return the vessels last heard near a place within the last hours, nearest first."""
    rows = nearby.vessels_near(
        latitude=near.latitude,
        longitude=near.longitude,
        radius_km=near.radius_km,
        since=timezone.now() - timedelta(hours=within_hours),
        limit=limit,
    )
    return [_fitting(VesselNear, queries.with_mooring(row)) for row in rows]


def get_vessel(*, mmsi: Mmsi) -> Vessel:
    """Return one vessel."""
    row = queries.vessel(mmsi)
    if row is None:
        raise VesselNotFound(mmsi=mmsi)
    latest = row.get("latest")
    return _fitting(Vessel, row | {"latest": None if latest is None else _fitting(Sighting, latest)})


def _fitting[S: (Sighting, Vessel, VesselNear)](schema: type[S], row: Mapping[str, Any]) -> S:
    """Make a schema of those parts of a row that it has."""
    return schema(**{name: row[name] for name in schema.model_fields})
