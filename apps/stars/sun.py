"""Sunrise and sunset of a place's own days."""

from dataclasses import dataclass
from datetime import date, datetime

from apps.stars.sky import (
    HORIZON_DEG,
    Body,
    Place,
    altitude_deg,
    crossing,
    mean_noon,
    midnight,
    moment_of,
    noon,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SunTimes:
    """The sun at a place from one solar midnight to the next, in UTC.

    It is up from `up_from` to `up_until`: from the midnight before and to the one after where it does not rise or
    set, and never (both None) where it stays down.
    """

    day: date
    sunrise: datetime | None
    noon: datetime
    sunset: datetime | None
    up_from: datetime | None
    up_until: datetime | None


def sun_times(day: date, place: Place) -> SunTimes:
    """Return the sun's times of the day whose noon by mean solar time has that date at the place."""
    mean = mean_noon(day, place.longitude)
    highest = noon(mean, place.longitude)
    before, after = midnight(mean - 0.5, place.longitude), midnight(mean + 0.5, place.longitude)
    rise = crossing(Body.SUN, place, before, highest, HORIZON_DEG)
    set_ = crossing(Body.SUN, place, highest, after, HORIZON_DEG)
    is_up = altitude_deg(Body.SUN, highest, place) >= HORIZON_DEG
    return SunTimes(
        day=day,
        sunrise=_moment(rise),
        noon=moment_of(highest),
        sunset=_moment(set_),
        up_from=moment_of(before if rise is None else rise) if is_up else None,
        up_until=moment_of(after if set_ is None else set_) if is_up else None,
    )


def _moment(ut: float | None) -> datetime | None:
    return None if ut is None else moment_of(ut)
