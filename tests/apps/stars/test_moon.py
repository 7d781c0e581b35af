"""The moon's phase against eclipses and Meeus' examples, its days against the US Naval Observatory's tables."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.stars.moon import Phase, illumination, moon_day, next_quarters, phase_deg, phase_named
from apps.stars.sky import Place, ut_of

MINUTE = timedelta(minutes=1)
FLORIDA = Place(29, -81)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_illuminated_part_is_that_of_meeus() -> None:
    """Example 48.a: 1992 April 12, 0h TD, k = 0.6786."""
    ut = ut_of(utc("1992-04-12T00:00") - timedelta(seconds=59))
    assert illumination(ut) == pytest.approx(0.6786, abs=0.0005)


def test_quarters_come_when_the_almanac_says() -> None:
    """US Naval Observatory, "Phases of the Moon", April 2024; the new moon was the total eclipse of the sun."""
    found = {quarter.phase: quarter.at for quarter in next_quarters(ut_of(utc("2024-04-03T00:00")))}
    assert list(found) == [Phase.NEW, Phase.FIRST_QUARTER, Phase.FULL, Phase.LAST_QUARTER]
    almanac = ["2024-04-08T18:21", "2024-04-15T19:13", "2024-04-23T23:49", "2024-05-01T11:27"]
    for at, expected in zip(found.values(), almanac, strict=True):
        assert abs(at - utc(expected)) <= MINUTE


def test_new_and_full_are_where_the_eclipses_were() -> None:
    assert (phase_deg(ut_of(utc("2024-04-08T18:21"))) + 180) % 360 == pytest.approx(180, abs=0.01)
    assert phase_deg(ut_of(utc("2025-03-14T06:55"))) == pytest.approx(180, abs=0.01)
    assert illumination(ut_of(utc("2025-03-14T06:55"))) > 0.999


@pytest.mark.parametrize(
    ("degrees", "phase"),
    [
        (0, Phase.NEW),
        (22, Phase.NEW),
        (23, Phase.WAXING_CRESCENT),
        (90, Phase.FIRST_QUARTER),
        (180, Phase.FULL),
        (270, Phase.LAST_QUARTER),
        (315, Phase.WANING_CRESCENT),
        (338, Phase.NEW),
        (359.99, Phase.NEW),
    ],
)
def test_a_phase_has_its_name_half_a_step_around_its_middle(degrees: float, phase: Phase) -> None:
    assert phase_named(degrees) is phase


def test_a_day_of_the_moon_is_the_places_own() -> None:
    """The table of W081 N29 for 2019: July 4 rise 1221, July 5 set 0225; the day ends at 05:24 universal time."""
    day = moon_day(date(2019, 7, 4), FLORIDA)
    assert day.moonrise is not None
    assert day.moonset is not None
    assert abs(day.moonrise - utc("2019-07-04T12:21")) <= MINUTE
    assert abs(day.moonset - utc("2019-07-05T02:25")) <= MINUTE
    assert day.phase is Phase.WAXING_CRESCENT
    assert day.illumination == pytest.approx(0.05, abs=0.01)


def test_a_day_without_a_moonrise_says_so() -> None:
    days = [moon_day(date(2019, 1, 1) + timedelta(days=ahead), FLORIDA) for ahead in range(60)]
    assert sum(day.moonrise is None for day in days) == 2  # one in each month
    assert all(day.moonrise or day.moonset for day in days)
