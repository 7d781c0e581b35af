"""Sunrise and sunset against the US Naval Observatory's tables for 2019, and where the sun does neither."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.stars.sky import HORIZON_DEG, Body, Place, altitude_deg, ut_of
from apps.stars.sun import sun_times

TWO_MINUTES = timedelta(minutes=2)
NORTH = Place(80, 0)
SOUTH = Place(-60, -150)
LONDON = Place(51.5074, -0.1278)
SYDNEY = Place(-33.8688, 151.2093)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "day", "rise", "set_"),
    [
        # US Naval Observatory, W150 S60. Its days end in the evening of universal time's.
        (SOUTH, "2019-01-01", "2019-01-01T12:43", "2019-01-02T07:23"),
        (SOUTH, "2019-06-21", "2019-06-21T19:06", "2019-06-22T00:58"),
        # US Naval Observatory, E000 N80.
        (NORTH, "2019-02-21", "2019-02-21T11:20", "2019-02-21T13:10"),
        (NORTH, "2019-04-12", "2019-04-12T01:25", "2019-04-12T23:02"),
        (NORTH, "2019-08-31", "2019-08-31T01:03", "2019-08-31T22:34"),
        # As the tables of HM Nautical Almanac Office print them.
        (LONDON, "2024-06-20", "2024-06-20T03:43", "2024-06-20T20:21"),
        (LONDON, "2024-12-21", "2024-12-21T08:04", "2024-12-21T15:53"),
        # As Geoscience Australia prints them: 5:41 and 20:05 by daylight-saving time.
        (SYDNEY, "2024-12-21", "2024-12-20T18:41", "2024-12-21T09:05"),
    ],
)
def test_sunrise_and_sunset_are_those_of_the_tables(place: Place, day: str, rise: str, set_: str) -> None:
    times = sun_times(date.fromisoformat(day), place)
    assert times.sunrise is not None
    assert times.sunset is not None
    assert abs(times.sunrise - utc(rise)) <= TWO_MINUTES
    assert abs(times.sunset - utc(set_)) <= TWO_MINUTES
    assert (times.up_from, times.up_until) == (times.sunrise, times.sunset)
    assert times.sunrise < times.noon < times.sunset


def test_on_the_first_day_of_the_midnight_sun_it_rises_and_does_not_set() -> None:
    times = sun_times(date(2019, 4, 13), NORTH)  # the table: 0057, and no set
    assert times.sunrise is not None
    assert abs(times.sunrise - utc("2019-04-13T00:57")) <= TWO_MINUTES
    assert times.sunset is None
    assert times.up_until == sun_times(date(2019, 4, 14), NORTH).up_from


def test_on_the_last_day_of_the_midnight_sun_it_sets_and_did_not_rise() -> None:
    times = sun_times(date(2019, 8, 30), NORTH)  # the table: no rise, 2301
    assert times.sunrise is None
    assert times.sunset is not None
    assert abs(times.sunset - utc("2019-08-30T23:01")) <= TWO_MINUTES
    assert times.up_from == sun_times(date(2019, 8, 29), NORTH).up_until


def test_under_the_midnight_sun_one_day_of_light_ends_where_the_next_begins() -> None:
    days = [sun_times(date(2019, 4, 14) + timedelta(days=ahead), NORTH) for ahead in range(130)]
    assert {(day.sunrise, day.sunset) for day in days} == {(None, None)}
    assert all(before.up_until == after.up_from is not None for before, after in pairwise(days))


@pytest.mark.parametrize("day", ["2019-01-15", "2019-02-20", "2019-10-22", "2019-12-21"])
def test_in_the_polar_night_the_sun_is_never_up(day: str) -> None:
    times = sun_times(date.fromisoformat(day), NORTH)
    assert (times.sunrise, times.sunset, times.up_from, times.up_until) == (None, None, None, None)


@pytest.mark.parametrize("place", [Place(90, 0), Place(-90, 0), Place(0, 180), Place(0, -180)])
def test_the_poles_and_the_date_line_have_days_too(place: Place) -> None:
    times = sun_times(date(2026, 6, 21), place)
    assert abs(times.noon - utc("2026-06-21T12:02") + timedelta(hours=place.longitude / 15)) <= TWO_MINUTES
    assert (times.up_from is None) == (place.latitude == -90)


@given(
    st.dates(date(1901, 1, 1), date(2100, 1, 1)),
    st.builds(Place, st.floats(-90, 90), st.floats(-180, 180)),
)
def test_the_sun_is_up_between_the_times_found_and_not_before_or_after(day: date, place: Place) -> None:
    times = sun_times(day, place)

    def altitude(at: datetime) -> float:
        return altitude_deg(Body.SUN, ut_of(at), place)

    assert (times.up_from is None) == (altitude(times.noon) < HORIZON_DEG)
    for at in (times.sunrise, times.sunset):
        if at is not None:
            assert altitude(at) == pytest.approx(HORIZON_DEG, abs=0.005)
    if times.up_from and times.up_until:
        assert times.up_from <= times.noon <= times.up_until
        assert altitude(times.up_from) >= HORIZON_DEG - 0.005
        assert altitude(times.up_until) >= HORIZON_DEG - 0.005
