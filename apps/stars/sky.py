"""How high the sun and the moon stand: astronomy-engine says where they are, the place decides the rest.

Their places are computed every three hours, once for all places on Earth, and interpolated between; crossings are
found by bisection. Against the library's own searches it is the same to a second or two and ten times as fast.

Times are `ut` here: days of universal time since noon of 1 January 2000, as in astronomy-engine.
"""

import enum
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import atan2, ceil, cos, degrees, radians, sin, sqrt
from typing import Final, NamedTuple

import astronomy

HORIZON_DEG: Final = -0.833
"""The centre's altitude at rise and set: 34' of refraction and 16' of radius below the horizon."""

_EPOCH: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_STEPS: Final = 8  # a day; of fewer, the moon's place would show the interpolation
_PRECISION: Final = 0.5 / 86400  # half a second
_HOUR: Final = 1 / 24
_EARTH_RADIUS_AU: Final = 6378.137 / 149_597_870.7


class Body(enum.IntEnum):
    """What rises and sets here, by astronomy-engine's numbers; an IntEnum, because it is the key of a busy cache."""

    SUN = astronomy.Body.Sun.value
    MOON = astronomy.Body.Moon.value


class Place(NamedTuple):
    """A place on Earth in degrees, north and east positive."""

    latitude: float
    longitude: float


class Apparent(NamedTuple):
    """Where a body is, seen from the middle of the Earth."""

    lead_deg: float  # its hour angle at Greenwich beyond that of the mean sun
    declination_deg: float
    parallax: float  # sine of the horizontal parallax


type Curve = tuple[float, float, float]
"""What a parabola is at n steps: the first, plus n times the second, plus n squared times the third."""


def ut_of(at: datetime) -> float:
    """Return an aware moment as days since the epoch."""
    return (at - _EPOCH) / _DAY


def moment_of(ut: float) -> datetime:
    """Return the moment, to the second, in UTC."""
    return _EPOCH + timedelta(seconds=round(ut * 86400))


def mean_noon(day: date, longitude: float) -> float:
    """Return the noon by mean solar time of a longitude's own day."""
    return (day - _EPOCH.date()).days - longitude / 360


def altitude_deg(body: Body, ut: float, place: Place) -> float:
    """Return the altitude of a body's centre at a place, its parallax counted and refraction not."""
    seen = apparent(body, ut)
    phi, declination = radians(place.latitude), radians(seen.declination_deg)
    hour_angle = radians(360 * ut + place.longitude + seen.lead_deg)
    sine = sin(phi) * sin(declination) + cos(phi) * cos(declination) * cos(hour_angle)
    return degrees(atan2(sine - seen.parallax, sqrt(max(0.0, 1 - sine * sine))))


def apparent(body: Body, ut: float) -> Apparent:
    """Return where a body is: interpolated between three computed places (Meeus, "Astronomical Algorithms", 3.3)."""
    nearest = round(ut * _STEPS)
    n = ut * _STEPS - nearest
    lead, declination, parallax = _curves(body, nearest)
    return Apparent(
        lead[0] + n * (lead[1] + n * lead[2]),
        declination[0] + n * (declination[1] + n * declination[2]),
        parallax[0] + n * (parallax[1] + n * parallax[2]),
    )


@lru_cache(maxsize=4096)  # 256 days of both bodies
def _curves(body: Body, step: int) -> tuple[Curve, Curve, Curve]:
    """Return the parabolas through the places before, at and after a step; they are read half a step around it."""
    before, here, after = (_computed(body, near) for near in (step - 1, step, step + 1))
    here_deg = here.lead_deg
    return (
        _curve(
            here_deg + _turned(before.lead_deg - here_deg),
            here_deg,
            here_deg + _turned(after.lead_deg - here_deg),
        ),
        _curve(before.declination_deg, here.declination_deg, after.declination_deg),
        _curve(before.parallax, here.parallax, after.parallax),
    )


def _curve(before: float, here: float, after: float) -> Curve:
    return here, (after - before) / 2, (before + after) / 2 - here


def _turned(angle_deg: float) -> float:
    """Return the angle between -180 and 180 degrees."""
    return (angle_deg + 180) % 360 - 180


@lru_cache(maxsize=64)  # three neighbours share it
def _computed(body: Body, step: int) -> Apparent:
    ut = step / _STEPS
    time = astronomy.Time(ut)
    of_epoch = astronomy.GeoVector(astronomy.Body(body), time, aberration=True)
    of_date = astronomy.RotateVector(astronomy.Rotation_EQJ_EQD(time), of_epoch)
    equator = astronomy.EquatorFromVector(of_date)
    hour_angle_deg = 15 * (astronomy.SiderealTime(time) - equator.ra)
    return Apparent(
        _turned(hour_angle_deg - 360 * (ut % 1)), float(equator.dec), _EARTH_RADIUS_AU / float(equator.dist)
    )


def crossing(body: Body, place: Place, start: float, end: float, altitude: float) -> float | None:
    """Return when a body passes an altitude between two times; None when it stands on the same side at both."""
    rises = altitude_deg(body, start, place) < altitude
    if rises == (altitude_deg(body, end, place) < altitude):
        return None
    return _bisected(body, place, start, end, altitude, rises=rises)


def _bisected(body: Body, place: Place, start: float, end: float, altitude: float, *, rises: bool) -> float:
    while end - start > _PRECISION:
        middle = (start + end) / 2
        if (altitude_deg(body, middle, place) < altitude) == rises:
            start = middle
        else:
            end = middle
    return end


class Passage(NamedTuple):
    """When a body passes the horizon, and which way."""

    ut: float
    is_rise: bool


def passages(body: Body, place: Place, start: float, end: float) -> list[Passage]:
    """Return when a body rises and sets between two times. What comes and goes within an hour may be missed."""
    steps = [*(start + _HOUR * number for number in range(ceil((end - start) / _HOUR))), end]
    below = [altitude_deg(body, ut, place) < HORIZON_DEG for ut in steps]
    return [
        Passage(_bisected(body, place, *span, HORIZON_DEG, rises=was_below), was_below)
        for span, (was_below, is_below) in zip(pairwise(steps), pairwise(below), strict=True)
        if was_below != is_below
    ]


def noon(near: float, longitude: float) -> float:
    """Return when the sun stands on the meridian of a longitude, the time nearest to `near`."""
    return _passing(round(near + longitude / 360) - longitude / 360)


def midnight(near: float, longitude: float) -> float:
    """Return when the sun stands on the meridian's other half, the time nearest to `near`."""
    return _passing(round(near + longitude / 360 - 0.5) + 0.5 - longitude / 360)


def _passing(mean: float) -> float:
    # The true sun leads the mean one by at most 17 minutes, in which the lead changes by less than a second.
    return mean - apparent(Body.SUN, mean).lead_deg / 360
