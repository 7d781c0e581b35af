"""When a report repeats, and when a vessel is moored."""

from math import cos, radians

import pytest
from haversine import Unit, haversine
from hypothesis import given
from hypothesis import strategies as st

from apps.ships.mooring import MOORED_METRES, REPEAT_MS, Stay, repeats, within
from apps.ships.positions import once, select
from tests.apps.ships.nmea import report

METRE = 1 / 111_195  # degrees of latitude


@given(
    latitude=st.floats(-75, 75),
    longitude=st.floats(-180, 180),
    north=st.floats(-800, 800),
    east=st.floats(-800, 800),
)
def test_flat_earth_agrees_with_the_haversine_formula(
    latitude: float, longitude: float, north: float, east: float
) -> None:
    to_latitude = latitude + north * METRE
    to_longitude = (longitude + east * METRE / cos(radians(latitude)) + 540) % 360 - 180
    metres = haversine((latitude, longitude), (to_latitude, to_longitude), unit=Unit.METERS)
    if abs(metres - MOORED_METRES) > 0.5:
        assert within(MOORED_METRES, latitude, longitude, to_latitude, to_longitude) is (
            metres < MOORED_METRES
        )


@pytest.mark.parametrize(
    ("metres", "sog", "after", "repeated"),
    [
        (0, 0.0, 10_000, True),
        (99.9, 0.5, REPEAT_MS - 1, True),
        (100.1, 0.5, REPEAT_MS - 1, False),
        (99.9, 0.6, REPEAT_MS - 1, False),
        (99.9, 0.5, REPEAT_MS, False),
        (0, None, 10_000, False),
        (0, 0.0, -1, False),
    ],
)
def test_repeat_is_near_and_slow_and_soon(
    metres: float, sog: float | None, after: int, repeated: bool
) -> None:
    later = report(after, latitude=55 + metres * METRE, sog=sog)
    assert repeats(later, at=0, latitude=55, longitude=11) is repeated


def test_repeats_are_counted_from_the_last_stored_report() -> None:
    minutes = [report(minute * 60_000, sog=0.1) for minute in range(12)]
    selection = select(minutes, {}, {})
    assert [kept.at // 60_000 for kept in selection.kept] == [0, 5, 10]
    assert selection.repeats == 9


def test_vessel_stays_until_it_is_more_than_500_m_from_where_it_began_to() -> None:
    stay = Stay.begun(report(0))
    stay = stay.moved_to(report(600_000, latitude=55 + 499 * METRE))
    assert (stay.since, stay.at) == (0, 600_000)
    stay = stay.moved_to(report(1_200_000, latitude=55 - 499 * METRE))
    assert stay.since == 0
    stay = stay.moved_to(report(1_800_000, latitude=55 + 501 * METRE))
    assert stay.since == 1_800_000


def test_late_report_near_a_stored_one_is_a_repeat_whatever_came_after() -> None:
    known = Stay.begun(report(1_000_000, latitude=56))
    late = report(500_000, sog=0.1)
    assert select([late], {late.mmsi: known}, {late.mmsi: [(400_000, 55.0, 11.0)]}).repeats == 1
    assert select([late], {late.mmsi: known}, {late.mmsi: [(200_000, 55.0, 11.0)]}).kept == [late]
    assert select([late], {late.mmsi: known}, {late.mmsi: [(500_000, 55.0, 11.0)]}).kept == [
        late
    ]  # a duplicate


def test_late_reports_repeat_each_other() -> None:
    known = Stay.begun(report(10_000_000, latitude=56))
    late = [report(minute * 60_000, sog=0.1) for minute in range(4)]
    assert select(late, {late[0].mmsi: known}, {}).kept == late[:1]


def test_late_report_does_not_move_latest() -> None:
    known = Stay.begun(report(1_000_000))
    assert select([report(0)], {report(0).mmsi: known}, {}).latest == []


@given(st.permutations([report(0, sog=1.0), report(0, sog=None), report(0, sog=2.0), report(1, sog=3.0)]))
def test_of_reports_for_one_moment_the_same_one_stays_in_any_order(reports: list[object]) -> None:
    chosen, repeated = once(reports)  # type: ignore[arg-type]  # permutations of a literal list
    assert chosen == [report(0, sog=1.0), report(1, sog=3.0)]
    assert repeated == 2
