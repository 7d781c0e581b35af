"""The sun against the worked examples of Meeus and published sunrise tables."""

from datetime import UTC, date, datetime, timedelta
from math import degrees

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.hikes.daylight import (
    RISE_ALTITUDE_DEG,
    ComputedDaylight,
    SunTimes,
    sun_altitude_deg,
    sun_place,
    sun_times,
)

LONDON = {"latitude": 51.5074, "longitude": -0.1278}
TROMSO = {"latitude": 69.65, "longitude": 18.96}


def test_place_of_the_sun_is_that_of_meeus() -> None:
    """Examples 25.a (declination -7.78507 degrees) and 28.a (equation of time 13 min 42.6 s)."""
    declination, equation_min = sun_place(datetime(1992, 10, 13, tzinfo=UTC))
    assert degrees(declination) == pytest.approx(-7.78507, abs=0.001)
    assert equation_min == pytest.approx(13.71, abs=0.02)


@pytest.mark.parametrize(
    ("day", "place", "rise", "set_"),
    [
        # As almanacs print them, to the minute, in UTC.
        (date(2024, 6, 20), LONDON, "03:43", "20:21"),
        (date(2024, 12, 21), LONDON, "08:04", "15:53"),
        (date(2024, 3, 20), {"latitude": 0.0, "longitude": 0.0}, "06:04", "18:11"),
    ],
)
def test_sunrise_and_sunset_are_those_of_the_tables(
    day: date, place: dict[str, float], rise: str, set_: str
) -> None:
    times = sun_times(day, **place)
    assert times.rise is not None
    assert times.set is not None
    for found, table in ((times.rise, rise), (times.set, set_)):
        expected = datetime.fromisoformat(f"{day} {table}+00:00")
        assert abs(found - expected) <= timedelta(minutes=1.5)


@pytest.mark.parametrize("day", [date(2024, 6, 21), date(2024, 12, 21)])
def test_beyond_the_polar_circle_the_sun_may_not_cross_the_horizon(day: date) -> None:
    assert sun_times(day, **TROMSO) == SunTimes(None, None)
    summer = day.month == 6
    hours = [datetime(day.year, day.month, day.day, hour, tzinfo=UTC) for hour in range(24)]
    assert {ComputedDaylight().is_light(at, **TROMSO) for at in hours} == {summer}


@given(
    st.dates(date(1950, 1, 1), date(2090, 1, 1)),
    st.floats(-60, 60),
    st.floats(-180, 180),
)
def test_the_sun_stands_on_the_horizon_at_the_times_found(
    day: date, latitude: float, longitude: float
) -> None:
    times = sun_times(day, latitude=latitude, longitude=longitude)
    for at in (times.rise, times.set):
        assert at is not None
        altitude = sun_altitude_deg(at, latitude=latitude, longitude=longitude)
        assert altitude == pytest.approx(RISE_ALTITUDE_DEG, abs=0.02)


def test_time_zones_do_not_matter() -> None:
    utc = datetime(2024, 6, 20, 12, tzinfo=UTC)
    elsewhere = datetime.fromisoformat("2024-06-20T21:00:00+09:00")
    assert (
        sun_altitude_deg(utc, **LONDON)
        == sun_altitude_deg(elsewhere, **LONDON)
        == pytest.approx(61.9, abs=0.2)
    )
