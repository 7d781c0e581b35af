"""MET Norway's provider against a real HTTP server."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.hikes.errors import ForecastError
from apps.hikes.forecast import metno
from apps.hikes.forecast.metno import MetnoForecast, read_timeseries
from apps.hikes.forecast.port import Forecast
from tests.apps.hikes.weather_server import Answer, WeatherServer, good, locationforecast

NOW = datetime(2026, 6, 1, 12, 20, tzinfo=UTC)
FIRST = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def provider(weather: WeatherServer) -> Iterator[MetnoForecast]:
    provider = MetnoForecast(user_agent="hikes-tests/1 me@example.org", url=weather.url)
    yield provider
    provider.close()


def ask(provider: MetnoForecast, last_modified: str = "") -> Forecast:
    return provider.fetch(
        latitude=54.123456, longitude=-3.2, elevation_m=123.4, last_modified=last_modified, now=NOW
    )


def test_a_forecast_is_read_with_its_dates(provider: MetnoForecast, weather: WeatherServer) -> None:
    expires = NOW.replace(microsecond=0) + timedelta(hours=1)
    document = locationforecast(FIRST, hours=3, blocks=1, wind_speed=10.0, precipitation_amount=3.0)
    weather.answer = good(document, expires=expires, last_modified="Mon, 01 Jun 2026 11:00:00 GMT")
    forecast = ask(provider)
    assert (forecast.expires, forecast.last_modified) == (expires, "Mon, 01 Jun 2026 11:00:00 GMT")
    assert [hour.starts_at for hour in forecast.hours] == [FIRST + timedelta(hours=n) for n in range(9)]
    assert {hour.wind_kmh for hour in forecast.hours} == {36.0}
    # A block's rain is spread over its six hours.
    assert [hour.precip_mm for hour in forecast.hours] == [3.0] * 3 + [0.5] * 6
    assert forecast.refused == ()


def test_the_terms_of_service_are_kept(provider: MetnoForecast, weather: WeatherServer) -> None:
    weather.answer = good(locationforecast(FIRST))
    ask(provider)
    ask(provider, last_modified="Mon, 01 Jun 2026 11:00:00 GMT")
    (query, first), (_, second) = weather.asked
    assert query == {"lat": "54.1235", "lon": "-3.2000", "altitude": "123"}
    assert first["User-Agent"] == "hikes-tests/1 me@example.org"
    assert "If-Modified-Since" not in first
    assert second["If-Modified-Since"] == "Mon, 01 Jun 2026 11:00:00 GMT"


def test_not_modified_means_unchanged_with_a_new_expiry(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    weather.answer = Answer(status=304, headers={"Expires": "Mon, 01 Jun 2026 14:00:00 GMT"})
    forecast = ask(provider, last_modified="Mon, 01 Jun 2026 11:00:00 GMT")
    assert forecast.unchanged
    assert forecast.expires == datetime(2026, 6, 1, 14, tzinfo=UTC)
    assert forecast.last_modified == "Mon, 01 Jun 2026 11:00:00 GMT"


@pytest.mark.parametrize("header", ["", "soon", "Mon, 99 Jun 2026 14:00:00 GMT"])
def test_without_a_readable_expiry_it_is_asked_again_after_half_an_hour(
    provider: MetnoForecast, weather: WeatherServer, header: str
) -> None:
    weather.answer = good(locationforecast(FIRST))
    if header:
        weather.answer.headers["Expires"] = header
    assert ask(provider).expires == NOW + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(status=500), "answered 500"),
        (Answer(status=429), "answered 429"),
        (Answer(status=302, headers={"Location": "/elsewhere"}), "answered 302"),
        (Answer(body=b""), "no JSON"),
        (Answer(body=b"<html>"), "no JSON"),
        (Answer(body=b"\xff\xfe"), "no JSON"),
        (Answer(body=b"[" * 100_000), "no JSON"),
        (Answer(body=b"null"), "no properties.timeseries"),
        (Answer(body=b'{"properties": []}'), "no properties.timeseries"),
        (Answer(body=b'{"properties": {"timeseries": {}}}'), "is a dict, expected a list"),
        (Answer(body=b" " * (metno.MAX_BYTES + 1)), "more than"),
    ],
)
def test_an_answer_that_is_no_forecast_is_an_error(
    provider: MetnoForecast, weather: WeatherServer, answer: Answer, reason: str
) -> None:
    weather.answer = answer
    with pytest.raises(ForecastError, match=reason):
        ask(provider)


def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        provider = MetnoForecast(
            user_agent="hikes-tests/1", url=f"http://127.0.0.1:{taken.getsockname()[1]}/"
        )
        with pytest.raises(ForecastError, match="did not answer: ConnectError"):
            ask(provider)
        provider.close()


def test_a_server_that_says_nothing_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        provider = MetnoForecast(user_agent="hikes-tests/1", url=url, timeout_s=0.1)
        with pytest.raises(ForecastError, match="ReadTimeout"):
            ask(provider)
        provider.close()


def _without_time(item: Any) -> Any:
    del item["time"]


def _later_than_all_time(item: Any) -> Any:
    item["time"] = "9999-12-31T23:00:00-10:00"


def _without_zone(item: Any) -> Any:
    item["time"] = item["time"].removesuffix("Z")


def _as_words(item: Any) -> Any:
    item["data"]["instant"]["details"]["air_temperature"] = "mild"


def _as_nan(item: Any) -> Any:
    item["data"]["instant"]["details"]["wind_speed"] = float("nan")


def _as_null(item: Any) -> Any:
    item["data"]["next_1_hours"] = None


def _impossible(item: Any) -> Any:
    item["data"]["next_1_hours"]["details"]["precipitation_amount"] = -1


@pytest.mark.parametrize(
    "damage", [_without_time, _later_than_all_time, _without_zone, _as_words, _as_nan, _as_null, _impossible]
)
def test_a_bad_item_is_named_and_the_others_are_read(damage: Any) -> None:
    from copy import deepcopy

    document = deepcopy(locationforecast(FIRST, hours=4))
    # Items share their parts; each gets its own before one is damaged.
    document["properties"]["timeseries"] = [deepcopy(item) for item in document["properties"]["timeseries"]]
    damage(document["properties"]["timeseries"][2])
    hours, refused = read_timeseries(document)
    assert len(hours) == 3
    assert len(refused) == 1
    assert refused[0].startswith("item 2: ")
