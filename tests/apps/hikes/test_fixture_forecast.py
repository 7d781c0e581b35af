"""Made-up weather: the same for everyone, always current, sometimes good."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.hikes.forecast.fixture import HOURS, FixtureForecast
from apps.hikes.forecast.port import Forecast
from apps.hikes.windows import Light, is_viable


def ask(now: datetime, latitude: float = 54.5, longitude: float = -3.2) -> Forecast:
    return FixtureForecast().fetch(
        latitude=latitude, longitude=longitude, elevation_m=200, last_modified="", now=now
    )


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.floats(-90, 90),
    st.floats(-180, 180),
)
def test_anywhere_at_any_time_there_are_eight_days_of_possible_weather(
    now: datetime, latitude: float, longitude: float
) -> None:
    hours = ask(now, latitude, longitude).hours
    assert len(hours) == HOURS
    assert hours[0].starts_at <= now < hours[0].starts_at + timedelta(hours=1)


def test_an_hour_keeps_its_weather_however_often_one_asks() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    earlier = {hour.starts_at: hour for hour in ask(now).hours}
    later = {hour.starts_at: hour for hour in ask(now + timedelta(hours=30)).hours}
    shared = earlier.keys() & later.keys()
    assert len(shared) == HOURS - 30
    assert all(earlier[at] == later[at] for at in shared)


def test_every_week_of_a_year_has_good_and_bad_hours() -> None:
    for week in range(52):
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(weeks=week)
        noons = [now + timedelta(days=ahead, hours=12) for ahead in range(8)]
        verdicts = {
            is_viable(
                starts_at=hour.starts_at,
                precip_mm=hour.precip_mm,
                wind_kmh=hour.wind_kmh,
                now=now,
                light=[Light(noon - timedelta(hours=3), noon + timedelta(hours=3)) for noon in noons],
            )
            for hour in ask(now).hours
        }
        assert verdicts == {True, False}
