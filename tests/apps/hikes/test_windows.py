"""The rule of a viable window, edge by edge."""

from datetime import UTC, date, datetime, timedelta
from math import inf, nan

import pytest

from apps.hikes.windows import Light, Weather, is_viable, local_day

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS = [
    Light(
        NOON.replace(hour=3, minute=40) + timedelta(days=n),
        NOON.replace(hour=20, minute=37) + timedelta(days=n),
    )
    for n in range(9)
]


def viable(
    starts_at: datetime = NOON, *, precip_mm: float = 0, wind_kmh: float = 10, now: datetime = NOON
) -> bool:
    return is_viable(starts_at=starts_at, precip_mm=precip_mm, wind_kmh=wind_kmh, now=now, light=DAYS)


def test_rain_and_wind_are_good_up_to_their_limits() -> None:
    assert viable(precip_mm=2.0, wind_kmh=80)
    assert not viable(precip_mm=2.01)
    assert not viable(wind_kmh=80.1)


def test_an_hour_is_good_up_to_seven_days_ahead_and_until_it_is_over() -> None:
    assert viable(NOON + timedelta(days=7))
    assert not viable(NOON + timedelta(days=7, hours=1))
    assert viable(now=NOON + timedelta(minutes=59))
    assert not viable(now=NOON + timedelta(hours=1))


def test_the_whole_hour_must_be_light() -> None:
    assert viable(NOON.replace(hour=19))
    assert not viable(NOON.replace(hour=20))
    assert not viable(NOON.replace(hour=23))
    assert not viable(NOON.replace(hour=3) + timedelta(days=1))
    assert viable(NOON.replace(hour=4) + timedelta(days=1))


@pytest.mark.parametrize("field", ["temp_c", "precip_mm", "wind_kmh", "cloud_pct"])
@pytest.mark.parametrize("value", [nan, inf, -inf, -1000.0, 1000.0])
def test_readings_that_cannot_be_true_are_refused(field: str, value: float) -> None:
    readings = {"temp_c": 10.0, "precip_mm": 0.0, "wind_kmh": 10.0, "cloud_pct": 50.0} | {field: value}
    with pytest.raises(ValueError, match=field):
        Weather(starts_at=NOON, **readings)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Weather(starts_at=NOON.replace(tzinfo=None), temp_c=1, precip_mm=0, wind_kmh=0, cloud_pct=0)


def test_a_day_is_the_one_at_the_walk() -> None:
    evening = datetime(2026, 6, 1, 20, tzinfo=UTC)
    assert local_day(evening, longitude=-3.2) == date(2026, 6, 1)
    assert local_day(evening, longitude=170.0) == date(2026, 6, 2)
    assert local_day(datetime.fromisoformat("2026-06-02T01:00:00+05:00"), longitude=0) == date(2026, 6, 1)
