"""The shapes that the tools of stars take and give."""

from datetime import date
from typing import Annotated

from pydantic import Field

from apps.stars.moon import Phase
from monolith.contracts import Schema, UtcDatetime
from monolith.tools.pages import Page

_LINE = r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$"
Slug = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, Field(min_length=1, max_length=80, pattern=_LINE)]
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=_LINE)]
Country = Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
Prose = Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$")]
ZoneName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")]
Elevation = Annotated[float, Field(ge=-500, le=9_000)]
NightCount = Annotated[int, Field(ge=1, le=35)]


class SiteShown(Schema):
    """A dark-sky site."""

    slug: str
    name: str
    country: str
    summary: str
    latitude: float
    longitude: float
    elevation_m: float
    time_zone: str
    forecast_at: UtcDatetime | None
    """When its forecast was last confirmed."""


class SitePage(Page):
    """Sites by name."""

    items: list[SiteShown]


class NightForecast(Schema):
    """What the forecast says of a night."""

    hours: int
    """So many of its hours are forecast."""
    dark_hours: int
    clear_dark_hours: int
    dark_cloud_pct: float | None
    """The mean of its dark hours."""
    best_score: int
    """Of its hours: 0 useless, 100 perfect."""


class Night(Schema):
    """A night, from noon to noon. What does not happen in it is None."""

    night: date
    """The date of its evening at the site."""
    sunset: UtcDatetime | None
    dusk: UtcDatetime | None
    """The sun sinks below -6 degrees."""
    dark_from: UtcDatetime | None
    """The sun sinks below -12 degrees."""
    dark_until: UtcDatetime | None
    dawn: UtcDatetime | None
    sunrise: UtcDatetime | None
    moonrise: UtcDatetime | None
    moonset: UtcDatetime | None
    moon_phase_deg: float
    """0 new, 90 first quarter, 180 full, 270 last quarter."""
    moon_illumination: float
    """The lit part of the moon's disc, 0 to 1."""
    moonless_h: float
    """Hours that are dark and have no moon."""
    forecast: NightForecast | None
    """None beyond the forecast."""


class Nights(Schema):
    """The nights of a site from the one that its clocks are in."""

    site: str
    time_zone: str
    forecast_at: UtcDatetime | None
    nights: list[Night]


class MoonDay(Schema):
    """The moon on one day, from one midnight to the next by mean solar time."""

    day: date
    phase: Phase
    phase_deg: float
    """At noon: 0 new, 180 full."""
    illumination: float
    moonrise: UtcDatetime | None
    moonset: UtcDatetime | None


class MonthShown(Schema):
    """What the nights of one month were like."""

    month: date
    """Its first day."""
    nights: int
    good_nights: int
    """With two clear dark hours or more."""
    hours: int
    dark_hours: int
    clear_dark_hours: int


class MonthPage(Page):
    """Months, newest first."""

    items: list[MonthShown]
