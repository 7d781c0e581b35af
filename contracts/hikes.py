"""What hikes promises: walks, and the hours in which their weather is good; and what it tells about them."""

from datetime import date
from typing import Annotated, Protocol

from pydantic import Field

from monolith.contracts import DeclaredError, Event, Interface, OpenEnum, Schema, UtcDatetime, raises, tool

Slug = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
Measure = Annotated[float, Field(ge=0, le=1_000_000)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2100, 12, 31))]
Limit = Annotated[int, Field(ge=1, le=50)]


class Around(Schema):
    """What is near a place."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    """Degrees north."""
    longitude: Annotated[float, Field(ge=-180, le=180)]
    """Degrees east."""
    radius_km: Annotated[float, Field(gt=0, le=2000)] | None = None
    """At most so far from it; None asks for the distance alone."""


class Difficulty(OpenEnum):
    """How hard a walk is, easiest first."""

    EASY = "easy"
    MODERATE = "moderate"
    CHALLENGING = "challenging"
    STRENUOUS = "strenuous"
    SEVERE = "severe"


class Walk(Schema):
    """A published walk."""

    slug: str
    name: str
    region: str
    summary: str
    latitude: float
    """Of the start."""
    longitude: float
    distance_km: float
    ascent_m: float
    descent_m: float
    duration_h: float
    """Without rests."""
    difficulty: Difficulty
    away_km: float | None
    """From the place asked about to the start."""
    windows_at: UtcDatetime | None
    """When its forecast was last confirmed; None before the first."""


class Window(Schema):
    """One hour in which a walk is viable: light, dry enough, calm enough."""

    starts_at: UtcDatetime
    temp_c: float
    precip_mm: float
    wind_kmh: float
    cloud_pct: float


class WalkAhead(Walk):
    """A published walk and when to go."""

    windows: list[Window]
    """Its viable hours that are not over, in order."""


class WalkNotFound(DeclaredError):
    """There is no published walk of that name."""

    slug: str


class Hikes(Interface, Protocol):
    """Walks and the weather for them."""

    @tool()
    def find_walks(
        self,
        *,
        near: Around | None = None,
        text: Text | None = None,
        max_km: Measure | None = None,
        max_ascent_m: Measure | None = None,
        max_hours: Measure | None = None,
        on: Day | None = None,
        limit: Limit = 10,
    ) -> list[Walk]:
        """Return published walks that meet every condition given, nearest first where a place is, else by name.

        `on` keeps those that have a viable hour still to come on that day, by mean solar time at the walk.
        """
        ...

    @tool()
    @raises(WalkNotFound)
    def get_walk(self, *, slug: Slug) -> WalkAhead:
        """Return one published walk with its viable hours ahead."""
        ...


class WalkPublished(Event, key="slug"):
    """A walk can be found by everyone from now on."""

    slug: str
    name: str
    region: str
    latitude: float
    """Of the start."""
    longitude: float
    distance_km: float
    duration_h: float
    difficulty: Difficulty


class WalkRetired(Event, key="slug", external=True):
    """A walk, its name and its windows are no longer public: it was taken back, renamed or removed."""

    slug: str


class WindowsRefreshed(Event, key="slug", external=True):
    """A published walk's forecast was confirmed, and its windows follow it."""

    slug: str
    confirmed_at: UtcDatetime
    viable_hours: int
    """How many of its hours ahead are viable."""
    first_viable_at: UtcDatetime | None
    """When the first of them starts; None when there is none."""
