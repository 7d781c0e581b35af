"""How long a walk takes and how hard it is."""

from collections.abc import Sequence
from enum import StrEnum
from math import atan2, degrees, sqrt
from typing import Final, NamedTuple

PACE_KM_PER_H: Final = 5.0
CLIMB_M_PER_H: Final = 600.0
DESCENT_HOURS_PER_M: Final = 10 / 60 / 300  # ten minutes for every 300 m
GENTLE_FROM_DEG: Final = 5.0
STEEP_FROM_DEG: Final = 12.0
# Shorter legs follow the path's true slope, longer ones forgive noisy elevations.
LEG_M: Final = 50.0

METRES_PER_FOOT: Final = 0.3048
KM_PER_MILE: Final = 1.609344


class Leg(NamedTuple):
    """A stretch of one slope: metres on the map, metres up (negative: down)."""

    along_m: float
    climb_m: float


class Grade(StrEnum):
    """How hard a walk is, easiest first."""

    EASY = "easy"
    MODERATE = "moderate"
    CHALLENGING = "challenging"
    STRENUOUS = "strenuous"
    SEVERE = "severe"


_GRADE_BELOW: Final = (
    (50, Grade.EASY),
    (100, Grade.MODERATE),
    (150, Grade.CHALLENGING),
    (200, Grade.STRENUOUS),
)


def naismith_h(*, distance_km: float, ascent_m: float) -> float:
    """Return the hours a walk takes on the flat and uphill: 12 km with 600 m up is 3.4 h.

    W. W. Naismith, Scottish Mountaineering Club Journal 2 (1892), at the usual metric 5 km/h and 600 m/h.
    """
    return distance_km / PACE_KM_PER_H + ascent_m / CLIMB_M_PER_H


def descent_h(legs: Sequence[Leg]) -> float:
    """Return the hours that going down adds (steeper than 12°) or saves (5° to 12°).

    E. Langmuir, "Mountaincraft and Leadership" (1984): ten minutes for every 300 m of height lost.
    """
    return sum(_descent_sign(leg) * -leg.climb_m * DESCENT_HOURS_PER_M for leg in legs if leg.climb_m < 0)


def legs_of(along: Sequence[float], elevations: Sequence[float]) -> list[Leg]:
    """Cut a profile (metres along the track, metres of height) into legs of at least 50 m."""
    legs: list[Leg] = []
    start = 0
    for index in range(1, len(along)):
        if along[index] - along[start] >= LEG_M or index == len(along) - 1:
            legs.append(Leg(along[index] - along[start], elevations[index] - elevations[start]))
            start = index
    return legs


def grade_of(*, distance_km: float, ascent_m: float) -> Grade:
    """Return how hard a walk is by the rating of Shenandoah National Park.

    The square root of twice the height gained (feet) times the distance (miles):
    nps.gov/shen/planyourvisit/how-to-determine-hiking-difficulty.htm.
    """
    rating = sqrt(2 * ascent_m / METRES_PER_FOOT * distance_km / KM_PER_MILE)
    return next((grade for below, grade in _GRADE_BELOW if rating < below), Grade.SEVERE)


def _descent_sign(leg: Leg) -> int:
    slope = degrees(atan2(-leg.climb_m, leg.along_m))
    if slope < GENTLE_FROM_DEG:
        return 0
    return -1 if slope <= STEEP_FROM_DEG else 1
