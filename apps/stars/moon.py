"""The moon: its phase, and its rise and set on a place's own days."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import astronomy

from apps.stars.sky import Body, Place, mean_noon, moment_of, passages


class Phase(StrEnum):
    """The eight names of the moon's phases, in order; each covers 45 degrees around its middle."""

    NEW = "new moon"
    WAXING_CRESCENT = "waxing crescent"
    FIRST_QUARTER = "first quarter"
    WAXING_GIBBOUS = "waxing gibbous"
    FULL = "full moon"
    WANING_GIBBOUS = "waning gibbous"
    LAST_QUARTER = "last quarter"
    WANING_CRESCENT = "waning crescent"


@dataclass(frozen=True, slots=True)
class Quarter:
    """A moment at which the moon is new, half or full."""

    phase: Phase
    at: datetime


def phase_deg(ut: float) -> float:
    """Return how far the moon is ahead of the sun along the ecliptic: 0 new, 90 first quarter, 180 full."""
    return float(astronomy.MoonPhase(astronomy.Time(ut)))


def illumination(ut: float) -> float:
    """Return the lit part of the moon's disc, 0 to 1."""
    return float(astronomy.Illumination(astronomy.Body.Moon, astronomy.Time(ut)).phase_fraction)


def phase_named(degrees: float) -> Phase:
    """Return the name of a phase given in degrees."""
    return list(Phase)[round(degrees / 45) % 8]


def next_quarters(ut: float, count: int = 4) -> list[Quarter]:
    """Return the next new, half and full moons from a time on."""
    found = [astronomy.SearchMoonQuarter(astronomy.Time(ut))]
    while len(found) < count:
        found.append(astronomy.NextMoonQuarter(found[-1]))
    return [Quarter(list(Phase)[2 * quarter.quarter], moment_of(quarter.time.ut)) for quarter in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoonDay:
    """The moon at a place on one day, from one midnight to the next by mean solar time, in UTC."""

    day: date
    phase: Phase
    phase_deg: float  # at noon, as the illumination
    illumination: float
    moonrise: datetime | None
    moonset: datetime | None


def moon_day(day: date, place: Place) -> MoonDay:
    """Return the moon's times of a day; rise or set is None when the moon does not do so that day."""
    noon = mean_noon(day, place.longitude)
    passed = passages(Body.MOON, place, noon - 0.5, noon + 0.5)
    degrees = phase_deg(noon)
    return MoonDay(
        day=day,
        phase=phase_named(degrees),
        phase_deg=round(degrees, 1),
        illumination=round(illumination(noon), 3),
        moonrise=next((moment_of(passage.ut) for passage in passed if passage.is_rise), None),
        moonset=next((moment_of(passage.ut) for passage in passed if not passage.is_rise), None),
    )
