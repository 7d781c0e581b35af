"""The shapes that the routes take and give."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from apps.ships.heat import CELL_HEIGHT, CELL_WIDTH
from apps.ships.queries import Box
from apps.ships.rejection import Reason
from monolith.http.answers import Answer

T = TypeVar("T")

MAX_VESSELS: Final = 2000
MAX_OFFSET: Final = 100_000
MAX_POINTS: Final = 5000
MAX_CELLS: Final = 10_000
MAX_REPLAYED: Final = 10_000

# Absent means that it does not matter. Described without null: a query cannot say null.
Maybe: TypeAlias = T | SkipJsonSchema[None]  # noqa: UP040 - a `type` would get a schema of its own

Mmsi = Annotated[int, Field(ge=200_000_000, le=999_999_999, description="Maritime mobile service identity.")]

# In the pattern, not only in the code: who reads the description then knows what is taken.
_DECIMALS: Final = r"(\.[0-9]{1,12})?"
_LONGITUDE: Final = rf"-?(180(\.0{{1,12}})?|1[0-7][0-9]{_DECIMALS}|[0-9]{{1,2}}{_DECIMALS})"
_LATITUDE: Final = rf"-?(90(\.0{{1,12}})?|[0-8]?[0-9]{_DECIMALS})"
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)


def as_box(value: str) -> Box:
    """Return the box that four degrees name; ValueError when it is upside down."""
    west, south, east, north = map(float, value.split(","))
    if south > north:
        raise ValueError(f"the southern latitude comes first, not {south:g} before {north:g}")
    return Box(west, south, east, north)


def _box(value: str) -> str:
    as_box(value)
    return value


def _storable(value: datetime) -> datetime:
    # Nothing was heard before or after, and the ends of the calendar overflow in another time zone.
    return min(max(value, _FIRST), _LAST)


Bbox = Annotated[
    str,
    StringConstraints(pattern=rf"^{_LONGITUDE},{_LATITUDE},{_LONGITUDE},{_LATITUDE}$"),
    AfterValidator(_box),
]
Moment = Annotated[AwareDatetime, AfterValidator(_storable)]


class InBox(Schema):
    """A part of the map."""

    bbox: Maybe[Bbox] = Field(
        default=None,
        description="West, south, east, north in degrees: `9.5,55.0,12.8,58.1`. West of more than east crosses "
        "the antimeridian.",
    )

    @property
    def box(self) -> Box | None:
        return as_box(self.bbox) if self.bbox else None


class VesselSearch(InBox):
    """Which vessels."""

    since: Maybe[Moment] = Field(default=None, description="Heard at this moment or later, with time zone.")
    limit: int = Field(default=500, ge=1, le=MAX_VESSELS, description="At most so many vessels.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many vessels.")


class TrackSearch(Schema):
    """Which part of a track."""

    since: Maybe[Moment] = Field(default=None, description="At this moment or later, with time zone.")
    until: Maybe[Moment] = Field(default=None, description="At this moment or before, with time zone.")
    limit: int = Field(default=1000, ge=1, le=MAX_POINTS, description="At most so many points, the newest.")

    @model_validator(mode="after")
    def _in_order(self) -> "TrackSearch":
        if self.since and self.until and self.since > self.until:
            raise ValueError(
                f"since {self.since:%Y-%m-%dT%H:%M:%SZ} is after until {self.until:%Y-%m-%dT%H:%M:%SZ}"
            )
        return self


class TrackFormat(TrackSearch):
    """Which part of a track, and how it is written."""

    format: Literal["json", "geojson"] = "json"


class HeatSearch(InBox):
    """Which heat."""

    kind: Literal["live", "historical"] = Field(
        default="live",
        description="live: vessels that moved through a cell in the last seven days, each once. "
        "historical: the same per day, added up over all days before.",
    )
    limit: int = Field(default=2000, ge=1, le=MAX_CELLS, description="At most so many cells, the busiest.")


class ReplayOrder(Schema):
    """Which rejected messages to take again."""

    reason: Maybe[Reason] = Field(default=None, description="Only those that were rejected for this reason.")
    limit: int = Field(
        default=1000, ge=1, le=MAX_REPLAYED, description="At most so many messages, the oldest."
    )


class Place(Answer):
    """Where a vessel was."""

    at: datetime
    latitude: float = Field(description="Degrees.")
    longitude: float = Field(description="Degrees.")
    sog: float | None = Field(description="Speed over ground, knots.")
    cog: float | None = Field(description="Course over ground, degrees.")
    heading: int | None = Field(description="True heading, degrees.")
    status: int | None = Field(description="Navigational status, ITU-R M.1371 table 45.")


class LatestPlace(Place):
    """Where a vessel is."""

    moored: bool = Field(description="Has stayed within 500 m for an hour or more.")
    moored_since: datetime | None


class SeenVessel(LatestPlace):
    """A vessel in a list."""

    mmsi: int
    name: str
    ship_type: int | None = Field(description="ITU-R M.1371 table 53.")


class Snapshot(Answer):
    """Where vessels are."""

    total: int = Field(description="How many vessels fit, on all pages.")
    limit: int
    offset: int
    newest_at: datetime | None = Field(description="The newest report of those that fit.")
    stale: bool = Field(description="The newest report is more than an hour old, or there is none.")
    items: list[SeenVessel]


class VesselOut(Answer):
    """What a vessel says about itself; null or empty where it never did."""

    mmsi: int
    name: str
    imo: int | None
    call_sign: str
    ship_type: int | None = Field(description="ITU-R M.1371 table 53.")
    length: int | None = Field(description="Metres.")
    beam: int | None = Field(description="Metres.")
    destination: str
    eta: datetime | None
    draught: float | None = Field(description="Metres.")
    first_seen: datetime
    updated_at: datetime
    latest: LatestPlace | None = None


class Track(Answer):
    """Where a vessel was, oldest first; of an unknown vessel, nowhere."""

    mmsi: int
    total: int = Field(description="How many points fit; those beyond the limit are the oldest.")
    limit: int
    points: list[Place]


class PointGeometry(Answer):
    """GeoJSON geometry, RFC 7946."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float] = Field(description="Degrees east, degrees north.")


class LineGeometry(Answer):
    """GeoJSON geometry, RFC 7946."""

    type: Literal["LineString"] = "LineString"
    coordinates: list[tuple[float, float]] = Field(description="Degrees east, degrees north.")


class VesselFeature(Answer):
    """A GeoJSON feature, RFC 7946."""

    type: Literal["Feature"] = "Feature"
    id: int
    geometry: PointGeometry
    properties: SeenVessel


class VesselFeatures(Answer):
    """A GeoJSON feature collection, RFC 7946, of where vessels are."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    total: int
    stale: bool
    features: list[VesselFeature]


class TrackFeature(Answer):
    """A GeoJSON feature, RFC 7946; without geometry where there are fewer than two points."""

    type: Literal["Feature"] = "Feature"
    id: int
    geometry: LineGeometry | None
    properties: dict[str, Any] = Field(description="mmsi, total, limit, and `times`: one per coordinate.")


class Cell(Answer):
    """A heat cell."""

    latitude: float = Field(description="Its southern edge, degrees.")
    longitude: float = Field(description="Its western edge, degrees.")
    movers: int = Field(description="Vessels that moved through it at 1 knot or more.")


class Heat(Answer):
    """Where traffic is dense, busiest cells first."""

    kind: Literal["live", "historical"]
    total: int = Field(description="How many cells fit.")
    limit: int
    updated_at: datetime | None
    cell_height: float = Field(default=CELL_HEIGHT, description="Degrees.")
    cell_width: float = Field(default=CELL_WIDTH, description="Degrees.")
    cells: list[Cell]


class CountsOut(Answer):
    """What became of the sentences; every one is in exactly one bucket."""

    lines: int = Field(description="The sum of all others.")
    stored: int
    duplicate: int
    moored_repeat: int
    static_update: int
    incomplete: int
    rejected: dict[str, int] = Field(description="By reason.")


class CursorOut(Answer):
    """How far a source was read."""

    source: str
    offset: int = Field(description="Bytes.")
    line: int
    counts: CountsOut
    updated_at: datetime


class IngestStatus(Answer):
    """How the intake runs."""

    cursors: list[CursorOut]
    rejected: dict[str, int] = Field(description="Kept rejected messages by reason.")
