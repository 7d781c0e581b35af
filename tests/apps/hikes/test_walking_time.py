"""Naismith, Langmuir and the Shenandoah rating against worked examples."""

from math import radians, tan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.hikes.walking_time import Grade, Leg, descent_h, grade_of, legs_of, naismith_h


def slope(degrees_down: float, metres_down: float) -> Leg:
    return Leg(metres_down / tan(radians(degrees_down)), -metres_down)


def test_twelve_kilometres_with_six_hundred_metres_up_take_three_hours_and_twenty_four_minutes() -> None:
    assert naismith_h(distance_km=12, ascent_m=600) == pytest.approx(3.4)


@pytest.mark.parametrize(
    ("degrees_down", "minutes"),
    [(4.9, 0), (5.1, -10), (10, -10), (11.9, -10), (12.1, 10), (30, 10)],
)
def test_going_down_three_hundred_metres_saves_or_costs_ten_minutes(
    degrees_down: float, minutes: float
) -> None:
    assert descent_h([slope(degrees_down, 300)]) * 60 == pytest.approx(minutes)


def test_going_up_is_no_descent() -> None:
    assert descent_h([Leg(1000, 400), Leg(500, 0)]) == 0


@given(st.lists(st.tuples(st.floats(0.1, 400), st.floats(-50, 50)), min_size=1, max_size=50))
def test_legs_add_up_to_the_profile(steps: list[tuple[float, float]]) -> None:
    along, heights = [0.0], [500.0]
    for forward, up in steps:
        along.append(along[-1] + forward)
        heights.append(heights[-1] + up)
    legs = legs_of(along, heights)
    assert sum(leg.along_m for leg in legs) == pytest.approx(along[-1])
    assert sum(leg.climb_m for leg in legs) == pytest.approx(heights[-1] - heights[0], abs=1e-6)
    assert all(leg.along_m >= 50 for leg in legs[:-1])


@pytest.mark.parametrize(
    ("distance_km", "ascent_m", "grade"),
    [
        (3, 50, Grade.EASY),  # 24.7
        # The park's own example: Old Rag, 9.4 miles and 2,415 feet, rates 213.1: "very strenuous".
        (9.4 * 1.609344, 2415 * 0.3048, Grade.SEVERE),
        (10, 200, Grade.MODERATE),  # 90.3
        (10, 400, Grade.CHALLENGING),  # 127.7
        (12, 600, Grade.STRENUOUS),  # 171.3
    ],
)
def test_grade_follows_the_rating(distance_km: float, ascent_m: float, grade: Grade) -> None:
    assert grade_of(distance_km=distance_km, ascent_m=ascent_m) == grade


def test_stored_difficulties_are_the_grades() -> None:
    from apps.hikes.models import Difficulty

    assert Difficulty.values == [grade.value for grade in Grade]
