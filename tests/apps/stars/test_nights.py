"""Which night an hour belongs to and when it is dark: clocks that change, the far south, the far north."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.stars.nights import DARK_DEG, Night, night_at, night_of, night_span
from apps.stars.scoring import sky_at
from apps.stars.sky import Body, Place, altitude_deg, ut_of

LONDON, AUCKLAND, OSLO = ZoneInfo("Europe/London"), ZoneInfo("Pacific/Auckland"), ZoneInfo("Europe/Oslo")
HONOLULU, LORD_HOWE = ZoneInfo("Pacific/Honolulu"), ZoneInfo("Australia/Lord_Howe")
ABERDEENSHIRE = Place(57.0, -3.0)
SVALBARD = Place(78.925, 11.922)
MOUNT_JOHN = Place(-43.987, 170.465)
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "night"),
    [
        ("2026-06-21T10:59:59", LONDON, "2026-06-20"),  # a second before noon in summer time
        ("2026-06-21T11:00", LONDON, "2026-06-21"),
        ("2026-12-21T11:59:59", LONDON, "2026-12-20"),
        ("2026-12-21T12:00", LONDON, "2026-12-21"),
        ("2026-06-21T09:00", AUCKLAND, "2026-06-21"),  # nine in the evening there
        ("2026-06-20T23:59", AUCKLAND, "2026-06-20"),  # before noon of the 21st there
        ("2026-06-21T09:00", HONOLULU, "2026-06-20"),  # eleven in the evening of the 20th there
        ("2026-06-21T01:29", LORD_HOWE, "2026-06-20"),  # 10:30 ahead: a minute before noon
        ("2026-06-21T01:30", LORD_HOWE, "2026-06-21"),
        # The hour that London has twice, and both belong to one night.
        ("2026-10-25T00:30", LONDON, "2026-10-24"),
        ("2026-10-25T01:30", LONDON, "2026-10-24"),
    ],
)
def test_a_night_begins_at_noon_by_the_clocks_of_the_place(at: str, zone: ZoneInfo, night: str) -> None:
    assert night_of(utc(at), zone) == date.fromisoformat(night)


@pytest.mark.parametrize(
    ("night", "zone", "hours"),
    [
        ("2026-06-21", LONDON, 24),
        ("2026-03-28", LONDON, 23),  # clocks go forward in it
        ("2026-10-24", LONDON, 25),
        ("2026-09-26", AUCKLAND, 23),  # spring, in the south
        ("2026-04-04", AUCKLAND, 25),
        ("2026-10-03", LORD_HOWE, 23.5),
    ],
)
def test_a_night_is_as_long_as_the_clocks_make_it(night: str, zone: ZoneInfo, hours: float) -> None:
    start, end = night_span(date.fromisoformat(night), zone)
    assert end.astimezone(UTC) - start.astimezone(UTC) == hours * HOUR


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from([LONDON, AUCKLAND, OSLO, HONOLULU, LORD_HOWE]),
)
def test_every_moment_is_in_the_span_of_its_night_and_of_no_other(at: datetime, zone: ZoneInfo) -> None:
    night = night_of(at, zone)
    start, end = (edge.astimezone(UTC) for edge in night_span(night, zone))
    assert start <= at < end
    assert end == night_span(night + timedelta(days=1), zone)[0].astimezone(UTC)


def dark_h(night: Night) -> float:
    assert night.dark_from
    assert night.dark_until
    return (night.dark_until - night.dark_from) / HOUR


def altitude(at: datetime, place: Place) -> float:
    return altitude_deg(Body.SUN, ut_of(at), place)


def test_at_57_north_no_hour_of_a_june_night_is_dark() -> None:
    """The lowest that the sun gets at latitude p is p + 23.44 - 90 degrees: -9.56, well above -12."""
    midsummer = [utc("2026-06-20T18:00") + timedelta(minutes=10 * step) for step in range(72)]
    assert min(altitude(at, ABERDEENSHIRE) for at in midsummer) == pytest.approx(57 + 23.44 - 90, abs=0.02)
    for day in range(1, 31):
        night = night_at(ABERDEENSHIRE, LONDON, date(2026, 6, day))
        assert (night.dark_from, night.dark_until, night.moonless_h) == (None, None, 0)
        assert None not in (night.sunset, night.dusk, night.dawn, night.sunrise)
    assert all(sky_at(at, ABERDEENSHIRE).sun_altitude_deg > -9.6 for at in midsummer)


def test_at_57_north_a_december_night_is_dark_for_thirteen_hours() -> None:
    night = night_at(ABERDEENSHIRE, LONDON, date(2026, 12, 21))
    assert dark_h(night) == pytest.approx(13.9, abs=0.1)


def test_in_the_polar_night_it_is_dark_while_the_sun_is_below_twelve_degrees() -> None:
    # At noon of the solstice it stands 12.4 degrees below the horizon there: dark from noon to noon.
    night = night_at(SVALBARD, OSLO, date(2026, 12, 20))
    assert (night.sunset, night.dusk, night.dawn, night.sunrise) == (None, None, None, None)
    assert dark_h(night) == pytest.approx(24, abs=0.02)
    # In November it still gets lighter around noon.
    night = night_at(SVALBARD, OSLO, date(2026, 11, 15))
    assert (night.sunset, night.sunrise) == (None, None)
    assert 12 < dark_h(night) < 20


def test_under_the_midnight_sun_nothing_happens_in_a_night() -> None:
    night = night_at(SVALBARD, OSLO, date(2026, 6, 21))
    assert {night.sunset, night.dusk, night.dark_from, night.dark_until, night.dawn, night.sunrise} == {None}


def test_in_the_south_june_nights_are_the_long_ones() -> None:
    june, december = (night_at(MOUNT_JOHN, AUCKLAND, date(2026, month, 21)) for month in (6, 12))
    assert dark_h(june) > 12
    assert dark_h(december) < 6
    # Universal time's date is that of the morning before: the evening there is 06:00 here.
    assert june.dark_from
    assert f"{june.dark_from.astimezone(AUCKLAND):%Y-%m-%d %H}" == "2026-06-21 18"


def events(night: Night) -> list[datetime]:
    found = [night.sunset, night.dusk, night.dark_from, night.dark_until, night.dawn, night.sunrise]
    return [at for at in found if at is not None]


@given(
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.builds(Place, st.floats(-90, 90), st.floats(-30, 30)),
)
def test_what_happens_in_a_night_happens_in_order(night: date, place: Place) -> None:
    found = night_at(place, LONDON, night)
    assert events(found) == sorted(events(found))
    assert 0 <= found.moonless_h <= 24.1
    assert (found.dark_from is None) == (found.dark_until is None)
    if found.dark_from and found.dark_until:
        middle = found.dark_from + (found.dark_until - found.dark_from) / 2
        assert altitude(middle, place) < DARK_DEG
        assert found.moonless_h <= dark_h(found) + 0.01


def test_a_dark_night_without_a_moon_is_moonless_throughout_and_one_of_full_moon_is_not() -> None:
    """New moon 2026 December 9 at 00:52, full moon December 24 at 01:28 (almanac)."""
    new, full = (night_at(ABERDEENSHIRE, LONDON, date(2026, 12, day)) for day in (8, 23))
    assert new.moonless_h == pytest.approx(dark_h(new), abs=0.01)
    assert new.moon_illumination < 0.01
    assert full.moonless_h == 0
    assert full.moon_illumination > 0.99


def test_moonless_hours_end_at_moonrise() -> None:
    night = night_at(MOUNT_JOHN, AUCKLAND, date(2026, 6, 5))
    assert night.dark_from
    assert night.moonrise
    assert night.dark_from < night.moonrise < night.dark_from + HOUR * dark_h(night)
    assert night.moonless_h == pytest.approx((night.moonrise - night.dark_from) / HOUR, abs=0.01)
