"""Where sun and moon stand: the Naval Observatory's tables, Meeus' examples, and astronomy-engine's own searches.

The tables are those of the US Naval Observatory's Astronomical Applications Department ("Rise and Set for the Sun / the
Moon for 2019", aa.usno.navy.mil), in universal time, to the minute.
"""

from datetime import UTC, datetime, timedelta

import astronomy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.stars.sky import (
    HORIZON_DEG,
    Body,
    Place,
    altitude_deg,
    apparent,
    crossing,
    midnight,
    moment_of,
    noon,
    passages,
    ut_of,
)

FLORIDA = Place(29, -81)
HALF_A_MINUTE = timedelta(seconds=31)  # what rounding to the minute takes, and a second of ours

moments = st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
places = st.builds(Place, st.floats(-89, 89), st.floats(-180, 180))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def library_altitude_deg(body: Body, ut: float, place: Place) -> float:
    time, observer = astronomy.Time(ut), astronomy.Observer(place.latitude, place.longitude)
    seen = astronomy.Equator(astronomy.Body(body), time, observer, ofdate=True, aberration=True)
    return float(astronomy.Horizon(time, observer, seen.ra, seen.dec, astronomy.Refraction.Airless).altitude)


def test_moments_survive_the_way_there_and_back() -> None:
    at = utc("2026-11-21T12:34:56")
    assert moment_of(ut_of(at)) == at
    assert ut_of(datetime(2000, 1, 1, 12, tzinfo=UTC)) == 0


def test_the_place_of_the_sun_is_that_of_meeus() -> None:
    """Examples 25.b (declination -7 47' 01.74") and 28.b (equation of time 3.427351 degrees), for 0h TD."""
    seen = apparent(Body.SUN, ut_of(utc("1992-10-13T00:00:00") - timedelta(seconds=59)))
    assert seen.declination_deg == pytest.approx(-7.783817, abs=0.0005)
    assert seen.lead_deg == pytest.approx(3.427351, abs=0.001)


def test_the_place_of_the_moon_is_that_of_meeus() -> None:
    """Example 47.a, 1992 April 12, 0h TD: declination 13.768368 degrees, parallax 0.991990 degrees."""
    seen = apparent(Body.MOON, ut_of(utc("1992-04-12T00:00:00") - timedelta(seconds=59)))
    assert seen.declination_deg == pytest.approx(13.768368, abs=0.002)
    assert seen.parallax == pytest.approx(0.017312, abs=0.00001)  # the sine of it


@pytest.mark.parametrize("equinox", ["2024-03-20T03:06", "2024-09-22T12:44", "2026-03-20T14:46"])
def test_at_the_equinoxes_of_the_almanac_the_sun_crosses_the_equator(equinox: str) -> None:
    # An hour moves it by 0.016 degrees, so a minute of the almanac is worth 0.0003.
    assert apparent(Body.SUN, ut_of(utc(equinox))).declination_deg == pytest.approx(0, abs=0.0004)


@pytest.mark.parametrize("solstice", ["2024-06-20T20:51", "2026-12-21T20:50"])
def test_at_the_solstices_of_the_almanac_the_sun_turns(solstice: str) -> None:
    before, at, after = (
        abs(apparent(Body.SUN, ut_of(utc(solstice)) + days).declination_deg) for days in (-2, 0, 2)
    )
    assert at == pytest.approx(23.436, abs=0.003)
    assert before < at > after


@given(st.sampled_from(Body), moments, places)
def test_altitudes_are_those_of_the_library(body: Body, at: datetime, place: Place) -> None:
    # It counts the Earth's flatness in the moon's parallax, we do not.
    tolerance = 0.006 if body is Body.MOON else 0.0001
    ut = ut_of(at)
    assert altitude_deg(body, ut, place) == pytest.approx(
        library_altitude_deg(body, ut, place), abs=tolerance
    )


def test_at_full_moon_where_its_hour_angle_turns_over_nothing_jumps() -> None:
    """Full moon 2025 March 14, 06:55, a total eclipse."""
    begin = ut_of(utc("2025-03-13T18:00"))
    for step in range(150):
        ut = begin + step / 150
        assert altitude_deg(Body.MOON, ut, FLORIDA) == pytest.approx(
            library_altitude_deg(Body.MOON, ut, FLORIDA), abs=0.006
        )


@pytest.mark.parametrize(
    ("body", "start", "rise", "set_"),
    [
        (Body.SUN, "2019-01-01", "2019-01-01T12:18", "2019-01-01T22:38"),
        (Body.SUN, "2019-03-20", "2019-03-20T11:28", "2019-03-20T23:35"),
        (Body.SUN, "2019-06-21", "2019-06-21T10:26", "2019-06-21T00:26"),
        (Body.SUN, "2019-12-21", "2019-12-21T12:13", "2019-12-21T22:31"),
        (Body.MOON, "2019-01-01", "2019-01-01T08:12", "2019-01-01T19:34"),
        (Body.MOON, "2019-04-20", "2019-04-20T00:19", "2019-04-20T11:55"),
        (Body.MOON, "2019-07-04", "2019-07-04T12:21", "2019-07-04T01:31"),
        (Body.MOON, "2019-12-25", "2019-12-25T11:37", "2019-12-25T22:14"),
    ],
)
def test_rise_and_set_are_those_of_the_tables(body: Body, start: str, rise: str, set_: str) -> None:
    begin = ut_of(utc(start + "T00:00"))
    found = {passage.is_rise: moment_of(passage.ut) for passage in passages(body, FLORIDA, begin, begin + 1)}
    assert abs(found[True] - utc(rise)) <= HALF_A_MINUTE
    assert abs(found[False] - utc(set_)) <= HALF_A_MINUTE


def test_a_day_without_a_moonrise_has_none() -> None:
    # The table leaves it out: the moon rose at 23:24 the day before and rises at 00:19 the day after.
    begin = ut_of(utc("2019-03-23T00:00"))
    assert [passage.is_rise for passage in passages(Body.MOON, FLORIDA, begin - 0.01, begin + 0.01)] == []
    begin = ut_of(utc("2019-03-22T00:40"))
    assert [passage.is_rise for passage in passages(Body.MOON, FLORIDA, begin, begin + 1)] == [False]


@given(
    st.sampled_from([-12.0, -6.0, HORIZON_DEG]),
    moments,
    st.builds(Place, st.floats(-60, 60), st.floats(-180, 180)),
)
def test_crossings_are_those_of_the_librarys_search(altitude: float, at: datetime, place: Place) -> None:
    highest = noon(ut_of(at), place.longitude)
    observer = astronomy.Observer(place.latitude, place.longitude)
    expected = astronomy.SearchAltitude(
        astronomy.Body.Sun, observer, astronomy.Direction.Set, astronomy.Time(highest), 0.5, altitude
    )
    found = crossing(Body.SUN, place, highest, highest + 0.5, altitude)
    assert (found is None) == (expected is None)
    if found is not None:
        # Where the sun grazes the altitude, a hair of it is a long time.
        assert altitude_deg(Body.SUN, found, place) == pytest.approx(altitude, abs=0.003)
        assert altitude_deg(Body.SUN, expected.ut, place) == pytest.approx(altitude, abs=0.003)


def test_nothing_is_crossed_between_two_times_on_one_side() -> None:
    begin = ut_of(utc("2019-01-01T14:00"))
    assert crossing(Body.SUN, FLORIDA, begin, begin + 0.1, HORIZON_DEG) is None


@given(moments, st.floats(-180, 180))
def test_noon_and_midnight_are_those_of_the_librarys_transits(at: datetime, longitude: float) -> None:
    observer = astronomy.Observer(0, longitude)
    for passing, hour_angle in ((noon, 0), (midnight, 12)):
        found = passing(ut_of(at), longitude)
        assert abs(found - ut_of(at)) < 0.52
        expected = astronomy.SearchHourAngle(
            astronomy.Body.Sun, observer, hour_angle, astronomy.Time(found - 0.1)
        )
        assert found == pytest.approx(expected.time.ut, abs=1.5 / 86400)
