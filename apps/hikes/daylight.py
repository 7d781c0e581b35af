"""Whether it is light: a port, and an implementation that needs nothing but arithmetic."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import acos, asin, cos, degrees, radians, sin, tan
from typing import Final, Protocol

RISE_ALTITUDE_DEG: Final = -0.833
"""The sun's centre at rise and set: 34' of refraction and 16' of radius below the horizon."""

_J2000: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)


class Daylight(Protocol):
    """Says whether the sun is up."""

    def is_light(self, at: datetime, *, latitude: float, longitude: float) -> bool:
        """Say whether the sun is above the horizon at an aware time and a place in degrees."""
        ...


class ComputedDaylight:
    """Daylight by the low-precision solar formulae; exact to about a minute below the polar circles."""

    def is_light(self, at: datetime, *, latitude: float, longitude: float) -> bool:
        return sun_altitude_deg(at, latitude=latitude, longitude=longitude) >= RISE_ALTITUDE_DEG


@dataclass(frozen=True, slots=True)
class SunTimes:
    """Sunrise and sunset of one day; both None where the sun stays up or down all day."""

    rise: datetime | None
    set: datetime | None


def sun_altitude_deg(at: datetime, *, latitude: float, longitude: float) -> float:
    """Return the sun's true altitude in degrees, refraction left aside.

    J. Meeus, "Astronomical Algorithms" (2nd ed.), chapters 25 and 28, as in NOAA's solar calculator
    (gml.noaa.gov/grad/solcalc/calcdetails.html): 0.01 degrees between 1900 and 2100.
    """
    declination, equation_min = sun_place(at)
    utc = at.astimezone(UTC)
    minutes = utc.hour * 60 + utc.minute + utc.second / 60
    hour_angle = radians((minutes + equation_min + 4 * longitude) / 4 - 180)
    phi = radians(latitude)
    sine = sin(phi) * sin(declination) + cos(phi) * cos(declination) * cos(hour_angle)
    return degrees(asin(max(-1.0, min(1.0, sine))))


def sun_times(day: date, *, latitude: float, longitude: float) -> SunTimes:
    """Return the sunrise and sunset of a local day (by mean solar time), in UTC.

    Same sources as `sun_altitude_deg`; repeated once with the sun's place at the time found.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(minutes=4 * longitude)
    return SunTimes(rise=_crossing(noon, -1, latitude=latitude), set=_crossing(noon, +1, latitude=latitude))


def _crossing(noon: datetime, side: int, *, latitude: float) -> datetime | None:
    found = noon
    for _ in range(3):
        declination, equation_min = sun_place(found)
        hour_angle = _half_day_deg(latitude, declination)
        if hour_angle is None:
            return None
        found = noon + timedelta(minutes=side * 4 * hour_angle - equation_min)
    return found


def _half_day_deg(latitude: float, declination: float) -> float | None:
    """Return the hour angle of sunset in degrees; None where the sun does not cross the horizon."""
    phi = radians(latitude)
    cosine = sin(radians(RISE_ALTITUDE_DEG)) / (cos(phi) * cos(declination)) - tan(phi) * tan(declination)
    return degrees(acos(cosine)) if -1 <= cosine <= 1 else None


def sun_place(at: datetime) -> tuple[float, float]:
    """Return the sun's apparent declination in radians and the equation of time in minutes.

    Meeus, chapters 25 (low accuracy) and 28 (W. M. Smart's series).
    """
    t = (at - _J2000) / timedelta(days=36525)
    mean_longitude = radians((280.46646 + t * (36000.76983 + t * 0.0003032)) % 360)
    anomaly = radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = (
        sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * t)
    longitude = mean_longitude + radians(centre - 0.00569 - 0.00478 * sin(node))
    tilt = 23.439291 - t * (0.0130042 + t * (0.00000016 - t * 0.000000504))
    obliquity = radians(tilt + 0.00256 * cos(node))
    y = tan(obliquity / 2) ** 2
    equation = (
        y * sin(2 * mean_longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * mean_longitude)
        - 0.5 * y * y * sin(4 * mean_longitude)
        - 1.25 * eccentricity**2 * sin(2 * anomaly)
    )
    return asin(sin(obliquity) * sin(longitude)), 4 * degrees(equation)
