"""Nights: which one an hour belongs to, when it is dark, and what the moon does meanwhile."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from apps.stars.moon import illumination, phase_deg
from apps.stars.sky import (
    HORIZON_DEG,
    Body,
    Place,
    altitude_deg,
    crossing,
    midnight,
    moment_of,
    noon,
    passages,
    ut_of,
)

DARK_DEG: Final = -12.0
"""Below it the sun's light no longer hides faint stars: the end of nautical twilight."""

DUSK_DEG: Final = -6.0
"""The end of civil twilight: one needs a lamp."""

_HALF_DAY: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A night at a place, from one solar noon to the next; what does not happen in it is None.

    `dark_from` and `dark_until` are those noons where the sun stays below -12 degrees all day, and both None when
    the night has no dark hours.
    """

    night: date
    sunset: datetime | None
    dusk: datetime | None
    dark_from: datetime | None
    dark_until: datetime | None
    dawn: datetime | None
    sunrise: datetime | None
    moonrise: datetime | None
    moonset: datetime | None
    moon_phase_deg: float  # 0 new, 180 full, in the middle of the night
    moon_illumination: float  # the lit part of its disc, 0 to 1
    moonless_h: float  # hours that are dark and have no moon


def night_of(at: datetime, zone: ZoneInfo) -> date:
    """Return the night that a moment belongs to: the date of its local time less twelve hours."""
    return (at.astimezone(zone).replace(tzinfo=None) - _HALF_DAY).date()


def night_span(night: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the local noons between which a night lies: 24 hours, or 23 or 25 where the clocks change."""
    noon_of = time(12, tzinfo=zone)
    return datetime.combine(night, noon_of), datetime.combine(night + timedelta(days=1), noon_of)


def night_at(place: Place, zone: ZoneInfo, night: date) -> Night:
    """Return the times of a night: those around the solar midnight that is nearest to the middle of its span."""
    start, end = (ut_of(at) for at in night_span(night, zone))
    middle = midnight((start + end) / 2, place.longitude)
    first, last = noon(middle - 0.5, place.longitude), noon(middle + 0.5, place.longitude)

    def evening(altitude: float) -> datetime | None:
        return _moment(crossing(Body.SUN, place, first, middle, altitude))

    def morning(altitude: float) -> datetime | None:
        return _moment(crossing(Body.SUN, place, middle, last, altitude))

    is_dark = altitude_deg(Body.SUN, middle, place) < DARK_DEG
    dark_from = (evening(DARK_DEG) or moment_of(first)) if is_dark else None
    dark_until = (morning(DARK_DEG) or moment_of(last)) if is_dark else None
    moon = passages(Body.MOON, place, first, last)
    return Night(
        night=night,
        sunset=evening(HORIZON_DEG),
        dusk=evening(DUSK_DEG),
        dark_from=dark_from,
        dark_until=dark_until,
        dawn=morning(DUSK_DEG),
        sunrise=morning(HORIZON_DEG),
        moonrise=next((moment_of(passage.ut) for passage in moon if passage.is_rise), None),
        moonset=next((moment_of(passage.ut) for passage in moon if not passage.is_rise), None),
        moon_phase_deg=round(phase_deg(middle), 1),
        moon_illumination=round(illumination(middle), 3),
        moonless_h=round(_moonless_days(place, dark_from, dark_until, [p.ut for p in moon]) * 24, 2),
    )


def _moonless_days(
    place: Place, dark_from: datetime | None, dark_until: datetime | None, passed: list[float]
) -> float:
    if dark_from is None or dark_until is None:
        return 0.0
    start, end = ut_of(dark_from), ut_of(dark_until)
    cuts = [start, *(ut for ut in passed if start < ut < end), end]
    return sum(
        after - before
        for before, after in pairwise(cuts)
        if altitude_deg(Body.MOON, (before + after) / 2, place) < HORIZON_DEG
    )


def _moment(ut: float | None) -> datetime | None:
    return None if ut is None else moment_of(ut)
