"""How good an hour is, edge by edge, and the dew that spoils it."""

from dataclasses import replace
from datetime import UTC, datetime
from math import inf, nan
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.stars.scoring import Sky, score
from apps.stars.weather import Weather, dew_spread_c

PERFECT = Weather(
    starts_at=datetime(2026, 11, 21, 22, tzinfo=UTC), temp_c=10, humidity_pct=40, wind_kmh=5, cloud_pct=0
)
DARK = Sky(sun_altitude_deg=-30, moon_altitude_deg=-10, moon_illumination=0.9)


def test_a_perfect_hour_scores_a_hundred() -> None:
    assert score(PERFECT, DARK) == 100


def test_an_hour_that_is_not_dark_scores_nothing() -> None:
    assert score(PERFECT, DARK._replace(sun_altitude_deg=-12.0)) == 0
    assert score(PERFECT, DARK._replace(sun_altitude_deg=-12.01)) == 100


@pytest.mark.parametrize(
    ("change", "points"),
    [
        ({"cloud_pct": 25}, 75),
        ({"cloud_pct": 100}, 0),
        ({"wind_kmh": 20}, 100),
        ({"wind_kmh": 40}, 75),
        ({"wind_kmh": 90}, 50),
        ({"humidity_pct": 100}, 50),
    ],
    ids=str,
)
def test_cloud_wind_and_dew_take_from_it(change: dict[str, Any], points: int) -> None:
    assert score(replace(PERFECT, **change), DARK) == points


@pytest.mark.parametrize(
    ("altitude", "illumination", "points"),
    [(90, 1, 30), (30, 1, 65), (30, 0.5, 82), (-1, 1, 100), (90, 0, 100)],
)
def test_the_moon_counts_by_its_light_and_height(altitude: float, illumination: float, points: int) -> None:
    assert score(PERFECT, DARK._replace(moon_altitude_deg=altitude, moon_illumination=illumination)) == points


@given(st.floats(0, 100), st.floats(0, 500), st.floats(0, 100), st.floats(-90, 60), st.floats(-90, 90))
def test_a_score_is_between_nothing_and_a_hundred(
    cloud: float, wind: float, humidity: float, temp: float, moon: float
) -> None:
    weather = Weather(
        starts_at=PERFECT.starts_at, temp_c=temp, humidity_pct=humidity, wind_kmh=wind, cloud_pct=cloud
    )
    assert 0 <= score(weather, DARK._replace(moon_altitude_deg=moon)) <= 100


@pytest.mark.parametrize(
    ("temp_c", "humidity_pct", "dew_point_c"),
    [(20, 50, 9.3), (25, 60, 16.7), (0, 80, -3.0), (-10, 90, -11.3), (15, 100, 15)],  # psychrometric tables
)
def test_the_dew_point_is_that_of_the_tables(temp_c: float, humidity_pct: float, dew_point_c: float) -> None:
    spread = dew_spread_c(temp_c=temp_c, humidity_pct=humidity_pct)
    assert spread == pytest.approx(temp_c - dew_point_c, abs=0.1)


@pytest.mark.parametrize("field", ["temp_c", "humidity_pct", "wind_kmh", "cloud_pct"])
@pytest.mark.parametrize("value", [nan, inf, -inf, -1000.0, 1000.0])
def test_readings_that_cannot_be_true_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        replace(PERFECT, **cast("dict[str, Any]", {field: value}))


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        replace(PERFECT, starts_at=PERFECT.starts_at.replace(tzinfo=None))
