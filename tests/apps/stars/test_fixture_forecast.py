"""Made-up weather: the same for everyone, always current, sometimes clear."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.stars.forecast.fixture import HOURS, FixtureForecast
from apps.stars.forecast.port import Forecast
from apps.stars.scoring import CLEAR_PCT


def ask(now: datetime, latitude: float = 55.2, longitude: float = -2.6) -> Forecast:
    return FixtureForecast().fetch(
        latitude=latitude, longitude=longitude, elevation_m=370, last_modified="", now=now
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


def test_most_weeks_of_a_year_have_clear_and_cloudy_evenings() -> None:
    both = 0
    for week in range(52):
        hours = ask(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(weeks=week)).hours
        evenings = {hour.cloud_pct < CLEAR_PCT for hour in hours if hour.starts_at.hour == 22}
        both += evenings == {True, False}
    assert both > 45
