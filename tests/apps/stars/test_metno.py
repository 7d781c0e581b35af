"""Asking MET Norway, against a real HTTP server that answers as it is told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from apps.stars.errors import ForecastError, UnknownProviderError
from apps.stars.forecast import metno
from apps.stars.forecast.metno import MetnoForecast, read_timeseries
from apps.stars.forecast.port import Forecast
from apps.stars.forecast.providers import PROVIDERS, provider_named
from tests.apps.stars.weather_server import Answer, WeatherServer, good, locationforecast

NOW = datetime(2026, 11, 21, 12, 20, tzinfo=UTC)
FIRST = NOW.replace(minute=0)
HOUR = timedelta(hours=1)


@pytest.fixture
def provider(weather: WeatherServer) -> Iterator[MetnoForecast]:
    provider = MetnoForecast(user_agent="stars-tests/1 me@example.org", url=weather.url)
    yield provider
    provider.close()


def ask(provider: MetnoForecast, last_modified: str = "") -> Forecast:
    return provider.fetch(
        latitude=55.23204, longitude=-2.61596, elevation_m=370.4, last_modified=last_modified, now=NOW
    )


def test_hours_are_read_in_our_units(provider: MetnoForecast, weather: WeatherServer) -> None:
    document = locationforecast(FIRST, hours=2, air_temperature=3.5, wind_speed=10, cloud_area_fraction=7.5)
    weather.answer = good(document, expires=FIRST + 2 * HOUR, last_modified="then")
    forecast = ask(provider)
    assert [hour.starts_at for hour in forecast.hours] == [FIRST, FIRST + HOUR]
    hour = forecast.hours[0]
    assert (hour.temp_c, hour.humidity_pct, hour.wind_kmh, hour.cloud_pct) == (3.5, 60, 36, 7.5)
    assert (forecast.expires, forecast.last_modified, forecast.refused) == (FIRST + 2 * HOUR, "then", ())


def test_it_says_who_asks_and_for_which_place(provider: MetnoForecast, weather: WeatherServer) -> None:
    weather.answer = good(locationforecast(FIRST))
    ask(provider, "Sat, 21 Nov 2026 08:00:00 GMT")
    query, headers = weather.asked[0]
    assert query == {"lat": "55.2320", "lon": "-2.6160", "altitude": "370"}
    assert headers["User-Agent"] == "stars-tests/1 me@example.org"
    assert headers["If-Modified-Since"] == "Sat, 21 Nov 2026 08:00:00 GMT"


def test_blocks_of_six_hours_become_hours(provider: MetnoForecast, weather: WeatherServer) -> None:
    weather.answer = good(locationforecast(FIRST, hours=2, blocks=2))
    assert [hour.starts_at for hour in ask(provider).hours] == [FIRST + HOUR * n for n in range(14)]


def test_not_modified_is_no_failure_and_keeps_the_date(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    weather.answer = Answer(status=304, headers={"Expires": "Sat, 21 Nov 2026 15:00:00 GMT"})
    forecast = ask(provider, "then")
    assert (forecast.unchanged, forecast.last_modified) == (True, "then")
    assert forecast.expires == datetime(2026, 11, 21, 15, tzinfo=UTC)


@pytest.mark.parametrize("header", ["", "soon", "0"])
def test_without_a_date_an_answer_holds_for_half_an_hour(
    provider: MetnoForecast, weather: WeatherServer, header: str
) -> None:
    weather.answer = Answer(status=304, headers={"Expires": header})
    assert ask(provider).expires == NOW + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(status=403), "answered 403, expected 200 or 304"),
        (Answer(status=500), "answered 500"),
        (Answer(body=b"<html>"), "sent no JSON"),
        (Answer(body=b"[" * 100_000), "sent no JSON"),
        (Answer(body=b"[]"), "no list properties.timeseries"),
        (Answer(body=b'{"properties": {"timeseries": 7}}'), "no list properties.timeseries"),
        (Answer(body=b" " * (metno.MAX_BYTES + 1)), "more than 5242880 bytes"),
    ],
    ids=["refused", "broken", "not JSON", "deep", "a list", "no list", "huge"],
)
def test_what_is_no_forecast_says_so(
    provider: MetnoForecast, weather: WeatherServer, answer: Answer, reason: str
) -> None:
    weather.answer = answer
    with pytest.raises(ForecastError, match=reason):
        ask(provider)


def test_a_server_that_is_not_there_is_named(weather: WeatherServer) -> None:
    provider = MetnoForecast(user_agent="stars-tests/1", url="http://127.0.0.1:9/compact", timeout_s=1)
    with pytest.raises(ForecastError, match=r"http://127\.0\.0\.1:9/compact did not answer: ConnectError"):
        ask(provider)
    provider.close()


@pytest.mark.parametrize(
    "change",
    [
        {"time": "yesterday"},
        {"time": "9999-12-31T23:59:59-12:00"},
        {"time": "2026-11-21T12:00:00"},
        {"data": None},
        {"data": {"next_1_hours": {}}},
    ],
    ids=str,
)
def test_a_bad_item_is_refused_and_the_others_are_read(change: dict[str, object]) -> None:
    document = locationforecast(FIRST, hours=3)
    document["properties"]["timeseries"][1] |= change
    hours, refused = read_timeseries(json.loads(json.dumps(document)))
    assert [hour.starts_at for hour in hours] == [FIRST, FIRST + 2 * HOUR]
    assert len(refused) == 1
    assert refused[0].startswith("item 1: ")


def test_a_reading_that_cannot_be_true_is_refused() -> None:
    document = locationforecast(FIRST, hours=1, relative_humidity=140)
    hours, refused = read_timeseries(document)
    assert hours == ()
    assert refused == ("item 0: ValueError: humidity_pct is 140.0, expected 0 to 100",)


def test_providers_are_known_by_name(weather: WeatherServer) -> None:
    for name in PROVIDERS:
        with provider_named(name) as provider:
            assert provider.name == name
    with (
        override_settings(STARS_METNO_URL=weather.url, STARS_USER_AGENT="me"),
        provider_named("metno") as asked,
    ):
        weather.answer = good(locationforecast(FIRST, hours=1))
        assert len(asked.fetch(latitude=0, longitude=0, elevation_m=0, last_modified="", now=NOW).hours) == 1
    assert weather.asked[0][1]["User-Agent"] == "me"
    with pytest.raises(UnknownProviderError, match="known: fixture, metno"), provider_named("crystal"):
        pass
