"""The shapes that the routes give."""

from datetime import date, datetime

from pydantic import Field

from apps.stars.moon import Phase
from monolith.http.answers import Answer


class SiteOut(Answer):
    """A place to look at the stars from."""

    slug: str
    name: str
    country: str
    summary: str
    latitude: float
    longitude: float
    elevation_m: float
    time_zone: str
    forecast_at: datetime | None = Field(description="When its forecast was last confirmed; null: never.")
    updated_at: datetime


class FoundSite(SiteOut):
    """A site in a list."""

    away_km: float | None = Field(default=None, description="From the place asked about.")


class SitePage(Answer):
    """One page of sites."""

    total: int = Field(description="How many sites fit, on all pages.")
    limit: int
    offset: int
    items: list[FoundSite]


class NightForecast(Answer):
    """What the forecast says of a night."""

    hours: int = Field(description="Hours of the night that it covers.")
    dark_hours: int = Field(description="Those in which the sun stays below -12 degrees.")
    clear_dark_hours: int = Field(description="Those with less than 10 % cloud.")
    dark_cloud_pct: float | None = Field(description="Mean cloud of the dark hours; null: there are none.")
    best_score: int = Field(description="Of its best hour: 0 useless, 100 perfect.")


class NightOut(Answer):
    """A night, from noon to noon. What does not happen in it is null: no dark hours, no moonrise."""

    night: date = Field(description="The date of its evening at the site.")
    sunset: datetime | None
    dusk: datetime | None = Field(description="The sun sinks below -6 degrees.")
    dark_from: datetime | None = Field(description="The sun sinks below -12 degrees.")
    dark_until: datetime | None
    dawn: datetime | None
    sunrise: datetime | None
    moonrise: datetime | None
    moonset: datetime | None
    moon_phase_deg: float = Field(description="0 new, 90 first quarter, 180 full, 270 last quarter.")
    moon_illumination: float = Field(description="The lit part of the moon's disc, 0 to 1.")
    moonless_h: float = Field(description="Hours that are dark and have no moon.")
    forecast: NightForecast | None = Field(description="Null beyond the forecast.")


class NightPage(Answer):
    """The nights of a site from the one that its clocks are in."""

    slug: str
    time_zone: str
    forecast_at: datetime | None
    stale: bool = Field(description="The forecast was confirmed more than 6 hours ago, or never.")
    total: int
    limit: int
    offset: int
    items: list[NightOut]


class SiteHourOut(Answer):
    """One hour of forecast with the sky above it."""

    starts_at: datetime
    night: date
    temp_c: float
    humidity_pct: float
    wind_kmh: float
    cloud_pct: float
    dew_spread_c: float = Field(description="How much warmer the air is than its dew point.")
    sun_altitude_deg: float = Field(description="At the hour's start or end, whichever is higher.")
    moon_altitude_deg: float
    moon_illumination: float
    score: int = Field(description="0 useless, 100 perfect.")
    clear_dark: bool = Field(description="The sun stays below -12 degrees, and less than 10 % cloud.")


class SiteHourPage(Answer):
    """The hours of a site that are not over."""

    slug: str
    forecast_at: datetime | None
    stale: bool = Field(description="The forecast was confirmed more than 6 hours ago, or never.")
    total: int
    limit: int
    offset: int
    items: list[SiteHourOut]


class MonthOut(Answer):
    """What the nights of a month were like, by their last forecasts."""

    month: date = Field(description="Its first day.")
    nights: int
    good_nights: int = Field(description="Nights with two clear dark hours or more.")
    hours: int
    dark_hours: int
    clear_dark_hours: int


class UsualMonthOut(Answer):
    """What a month of the year is usually like."""

    month: int
    cloud_pct: float
    clear_dark_pct: float
    source: str


class History(Answer):
    """The months of a site, newest first, beside what they are usually like."""

    slug: str
    usual: list[UsualMonthOut]
    total: int
    limit: int
    offset: int
    items: list[MonthOut]


class BestNightOut(Answer):
    """A site's best night ahead."""

    slug: str
    name: str
    country: str
    latitude: float
    longitude: float
    away_km: float | None
    night: date
    starts_at: datetime = Field(description="Its first clear dark hour.")
    clear_dark_hours: int
    score: int = Field(description="The mean of those hours: 0 useless, 100 perfect.")


class BestNights(Answer):
    """The sites with clear dark hours ahead, best first."""

    items: list[BestNightOut]


class SunTimesOut(Answer):
    """The sun on one day, from one solar midnight to the next."""

    day: date
    sunrise: datetime | None
    noon: datetime
    sunset: datetime | None
    up_from: datetime | None = Field(
        description="Null: it stays down. The midnight before: it was up all night."
    )
    up_until: datetime | None


class SunDays(Answer):
    """The sun at a place."""

    latitude: float
    longitude: float
    items: list[SunTimesOut]


class MoonDayOut(Answer):
    """The moon on one day, from one midnight to the next by mean solar time."""

    day: date
    phase: Phase
    phase_deg: float = Field(description="At noon: 0 new, 180 full.")
    illumination: float
    moonrise: datetime | None
    moonset: datetime | None


class MoonQuarter(Answer):
    """A moment at which the moon is new, half or full."""

    phase: Phase
    at: datetime


class MoonDays(Answer):
    """The moon at a place."""

    latitude: float
    longitude: float
    items: list[MoonDayOut]
    next_quarters: list[MoonQuarter] = Field(description="The next four from the first day on.")


class LastForecast(Answer):
    """How the last question for a forecast ended."""

    provider: str
    at: datetime
    status: str
    error: str
    expires: datetime | None


class KeptSite(SiteOut):
    """A site as its keepers see it."""

    created_at: datetime
    last_forecast: LastForecast | None


class KeptSitePage(Answer):
    """One page of sites, for their keepers."""

    total: int
    limit: int
    offset: int
    items: list[KeptSite]


class HourRefreshReport(Answer):
    """How a refresh went."""

    provider: str
    outcomes: dict[str, int] = Field(
        description="Sites by outcome: fetched, unchanged, current, empty, failed, left (time was up)."
    )
    hours: int = Field(description="Hours stored.")
    problems: dict[str, str] = Field(description="By site: why it failed, or what was refused.")
