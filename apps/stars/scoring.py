"""How good an hour is for looking at the stars."""

from datetime import datetime
from functools import lru_cache
from math import radians, sin
from typing import Final, NamedTuple

from apps.stars.moon import illumination
from apps.stars.nights import DARK_DEG
from apps.stars.sky import Body, Place, altitude_deg, ut_of
from apps.stars.weather import HOUR, Weather, dew_spread_c

CLEAR_PCT: Final = 10.0
"""Less cloud than this is a clear sky."""

GOOD_NIGHT_HOURS: Final = 2
"""A night with so many clear dark hours is worth going out for."""

MOON_COST: Final = 0.7  # what a full moon overhead takes from a perfect hour
CALM_KMH: Final = 20.0  # up to it a telescope stands still
STORM_KMH: Final = 60.0  # from it on the score is halved
DRY_C: Final = 3.0  # a dew spread from which on nothing fogs up; without any the score is halved


class Sky(NamedTuple):
    """Sun and moon in one hour at a place."""

    sun_altitude_deg: float  # at the hour's start or end, whichever is higher: it is dark when all of it is
    moon_altitude_deg: float  # in its middle, as the illumination
    moon_illumination: float


def sky_at(starts_at: datetime, place: Place) -> Sky:
    """Return where sun and moon stand in the hour from `starts_at`."""
    start, middle, end = (ut_of(starts_at + HOUR * part) for part in (0, 0.5, 1))
    sun = max(altitude_deg(Body.SUN, ut, place) for ut in (start, end))
    return Sky(sun, altitude_deg(Body.MOON, middle, place), _illumination(middle))


def score(weather: Weather, sky: Sky) -> int:
    """Return how good an hour is, from 0 to 100: nothing unless it is dark, then by cloud, moon, wind and dew.

    The moon's light counts by the lit part of its disc and the sine of its altitude. The weights are our own.
    """
    if sky.sun_altitude_deg >= DARK_DEG:
        return 0
    moonlight = sky.moon_illumination * max(0.0, sin(radians(sky.moon_altitude_deg)))
    wind = _share(weather.wind_kmh, good=CALM_KMH, bad=STORM_KMH)
    dew = _share(dew_spread_c(temp_c=weather.temp_c, humidity_pct=weather.humidity_pct), good=DRY_C, bad=0.0)
    clear = 1 - weather.cloud_pct / 100
    return round(100 * clear * (1 - MOON_COST * moonlight) * (1 + wind) / 2 * (1 + dew) / 2)


def _share(value: float, *, good: float, bad: float) -> float:
    """Return 1 at `good` and beyond, 0 at `bad` and beyond, and a straight line between."""
    return min(1.0, max(0.0, (value - bad) / (good - bad)))


@lru_cache(maxsize=1024)  # every site asks for the same hours
def _illumination(ut: float) -> float:
    return illumination(ut)
