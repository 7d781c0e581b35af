"""What the routes read; every list is bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Max, Q, QuerySet, Sum

from apps.ships import heat
from apps.ships.models import (
    HeatCell,
    HeatCellHistorical,
    IngestCursor,
    LatestPosition,
    Position,
    RejectedMessage,
    Vessel,
)
from apps.ships.mooring import MOORED_AFTER

# A feed that has been silent for so long is broken, or there is none.
STALE_AFTER: Final = timedelta(hours=1)
CURSORS: Final = 100

PLACE: Final = ("at", "latitude", "longitude", "sog", "cog", "heading", "status")


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the map, in degrees; west of `west` is east of `east` where it crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def places(self) -> Q:
        """What lies in it, by latitude and longitude."""
        return Q(latitude__gte=self.south, latitude__lte=self.north) & self._across(
            "longitude", self.west, self.east
        )

    @property
    def cells(self) -> Q:
        """What touches it, by a heat cell's row and col."""
        first = heat.cell(latitude=self.south, longitude=self.west)
        last = heat.cell(latitude=self.north, longitude=self.east)
        return Q(row__gte=first[0], row__lte=last[0]) & self._across("col", first[1], last[1])

    def _across(self, name: str, west: float, east: float) -> Q:
        after, before = Q(**{f"{name}__gte": west}), Q(**{f"{name}__lte": east})
        return after & before if self.west <= self.east else after | before


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is of what was asked for, and which version of it."""

    total: int
    version: tuple[object, ...]
    newest_at: datetime | None = None

    def stale(self, *, now: datetime) -> bool:
        """Say whether the newest report is too old to stand for now."""
        return self.newest_at is None or now - self.newest_at > STALE_AFTER


def latest_positions(*, box: Box | None, since: datetime | None) -> QuerySet[LatestPosition]:
    """Return where vessels are."""
    found = LatestPosition.objects.all()
    if box is not None:
        found = found.filter(box.places)
    return found if since is None else found.filter(at__gte=since)


def latest_extent(found: QuerySet[LatestPosition]) -> Extent:
    """Return how many vessels there are. Names count for the version too: they are shown."""
    seen = found.aggregate(
        total=Count("pk"), at=Max("at"), updated_at=Max("updated_at"), described_at=Max("vessel__updated_at")
    )
    return Extent(seen["total"], (seen["total"], seen["updated_at"], seen["described_at"]), seen["at"])


def latest_page(found: QuerySet[LatestPosition], *, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return one page of where vessels are, by MMSI."""
    rows = found.order_by("vessel_id").values(
        *PLACE,
        "anchored_since",
        mmsi=F("vessel_id"),
        name=F("vessel__name"),
        ship_type=F("vessel__ship_type"),
    )
    return [with_mooring(row) for row in rows[offset : offset + limit]]


def vessel(mmsi: int) -> dict[str, Any] | None:
    """Return what is known about a vessel and where it is; None when it was never heard."""
    found = Vessel.objects.select_related("latest").filter(mmsi=mmsi).first()
    if found is None:
        return None
    described = {field: getattr(found, field) for field in _DESCRIBED}
    latest = getattr(found, "latest", None)
    if latest is not None:
        place = {field: getattr(latest, field) for field in (*PLACE, "anchored_since")}
        described |= {"latest": with_mooring(place), "latest_updated_at": latest.updated_at}
    return described


_DESCRIBED: Final = (
    *("mmsi", "name", "imo", "call_sign", "ship_type", "length", "beam", "destination", "eta", "draught"),
    *("first_seen", "updated_at"),
)


def track(*, mmsi: int, since: datetime | None, until: datetime | None) -> QuerySet[Position]:
    """Return where a vessel was."""
    found = Position.objects.filter(mmsi=mmsi)
    if since is not None:
        found = found.filter(at__gte=since)
    return found if until is None else found.filter(at__lte=until)


def track_extent(found: QuerySet[Position]) -> Extent:
    """Return how long a track is. Stored positions never change, so count and end tell its version."""
    seen = found.aggregate(total=Count("at"), at=Max("at"))
    return Extent(seen["total"], (seen["total"], seen["at"]), seen["at"])


def track_page(found: QuerySet[Position], *, limit: int) -> list[dict[str, Any]]:
    """Return a track's newest `limit` points, oldest first."""
    return list(found.order_by("-at").values(*PLACE)[:limit])[::-1]


def heat_cells(*, box: Box | None, historical: bool) -> QuerySet[Any]:
    """Return live heat, or all banked days added up, as rows of row, col, movers."""
    model = HeatCellHistorical if historical else HeatCell
    found: QuerySet[Any] = model._default_manager.all()
    return found if box is None else found.filter(box.cells)


def heat_extent(found: QuerySet[Any]) -> Extent:
    """Return how many cells there are."""
    seen = found.aggregate(rows=Count("pk"), updated_at=Max("updated_at"))
    cells = found.order_by().values("row", "col").distinct().count()
    return Extent(cells, (seen["rows"], seen["updated_at"]), seen["updated_at"])


def heat_page(found: QuerySet[Any], *, limit: int) -> list[dict[str, Any]]:
    """Return the busiest cells, each with its south-west corner in degrees."""
    rows = (
        found.order_by().values("row", "col").annotate(total=Sum("movers")).order_by("-total", "row", "col")
    )
    corners = ((heat.corner(row=row["row"], col=row["col"]), row["total"]) for row in rows[:limit])
    return [
        {"latitude": latitude, "longitude": longitude, "movers": movers}
        for (latitude, longitude), movers in corners
    ]


def cursors() -> Sequence[IngestCursor]:
    """Return the sources that were read last."""
    return list(IngestCursor.objects.order_by("-updated_at", "source")[:CURSORS])


def rejected_by_reason() -> dict[str, int]:
    """Return how many rejected messages are kept, by reason."""
    counted = (
        RejectedMessage.objects.order_by().values_list("reason").annotate(Count("pk")).order_by("reason")
    )
    return dict(counted)


def with_mooring(row: dict[str, Any]) -> dict[str, Any]:
    """Return a place that says since when it is moored, in place of since when it has stayed."""
    since = row.pop("anchored_since")
    moored = row["at"] - since >= MOORED_AFTER
    return row | {"moored": moored, "moored_since": since if moored else None}
