"""The shapes that the tools of ships take and give."""

from typing import Annotated, Literal

from pydantic import Field

from monolith.contracts import Schema, UtcDatetime
from monolith.tools.pages import Page

Sentences = Annotated[str, Field(min_length=1, max_length=400_000, pattern=r"^[^\x00]*\S[^\x00]*$")]
Degrees = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
CellLimit = Annotated[int, Field(ge=1, le=500)]
ReplayLimit = Annotated[int, Field(ge=1, le=10_000)]
HeatKind = Literal["live", "historical"]


class Box(Schema):
    """A part of the map; west of more than east crosses the antimeridian."""

    west: Degrees
    south: Latitude
    east: Degrees
    north: Latitude


class TrackPoint(Schema):
    """Where a vessel was."""

    at: UtcDatetime
    latitude: float
    longitude: float
    sog: float | None
    """Speed over ground in knots."""
    cog: float | None
    """Course over ground in degrees."""
    heading: int | None
    """True heading in degrees."""
    status: int | None
    """Navigational status, ITU-R M.1371 table 45."""


class TrackPage(Page):
    """A vessel's stored positions, newest first."""

    items: list[TrackPoint]


class HeatCell(Schema):
    """A cell of 0.005 by 0.0075 degrees."""

    latitude: float
    """Of its south-west corner."""
    longitude: float
    movers: int
    """Distinct vessels that moved through it."""


class Heat(Schema):
    """The busiest cells, the busiest first."""

    kind: HeatKind
    total: int
    """How many cells there are beyond the limit too."""
    updated_at: UtcDatetime | None
    cells: list[HeatCell]


class Taken(Schema):
    """What became of sentences; every one is in exactly one bucket."""

    lines: int
    """The sum of all others."""
    stored: int
    """As a position."""
    duplicate: int
    """Said before."""
    moored_repeat: int
    """Near, slow and soon after a stored position."""
    static_update: int
    """Told something new about a vessel."""
    incomplete: int
    """Parts of a message whose other parts never came."""
    rejected: dict[str, int]
    """By reason."""


class SourceRead(Schema):
    """How far a source was read."""

    source: str
    line: int
    counts: Taken
    updated_at: UtcDatetime


class IntakeStatus(Schema):
    """How the intake runs."""

    sources: list[SourceRead]
    """The hundred that were read last."""
    rejected: dict[str, int]
    """Kept rejected messages by reason."""
