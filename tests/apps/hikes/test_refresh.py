"""Refreshing windows against a real weather server and the real database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import override_settings

from apps.hikes import services
from apps.hikes.errors import WalkNotFoundError, WalkNotPublicError
from apps.hikes.forecast.fixture import FixtureForecast
from apps.hikes.forecast.metno import MetnoForecast
from apps.hikes.geometry import Point
from apps.hikes.gpx import write_gpx
from apps.hikes.models import ForecastFetch, Walk, Window
from apps.hikes.refresh import RefreshReport, prune_windows, refresh_windows
from monolith import atomic
from tests.apps.hikes.weather_server import Answer, WeatherServer, good, locationforecast

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_hikes")]

NOW = datetime(2026, 6, 1, 8, 20, tzinfo=UTC)
FIRST = NOW.replace(minute=0)
HOUR = timedelta(hours=1)


def make_walk(name: str, *, latitude: float = 54.0, published: bool = True) -> Walk:
    points = [Point(-3.0, latitude, 100), Point(-3.0, latitude + 0.02, 400)]
    return services.upload_walk(data=write_gpx(name=name, description="", points=points), published=published)


@pytest.fixture
def provider(weather: WeatherServer) -> Iterator[MetnoForecast]:
    provider = MetnoForecast(user_agent="hikes-tests/1", url=weather.url)
    yield provider
    provider.close()


def refresh(provider: MetnoForecast, now: datetime = NOW, *, force: bool = False) -> RefreshReport:
    return refresh_windows(provider=provider, now=now, force=force)


def latest() -> ForecastFetch:
    return ForecastFetch.objects.latest("pk")


def test_a_forecast_becomes_windows(provider: MetnoForecast, weather: WeatherServer) -> None:
    walk = make_walk("One")
    expires = NOW.replace(microsecond=0) + HOUR
    weather.answer = good(locationforecast(FIRST, hours=24), expires=expires, last_modified="then")
    report = refresh(provider)
    assert (report.outcomes, report.windows, report.problems) == ({"fetched": 1}, 24, {})
    windows = list(Window.objects.all())
    assert [window.starts_at for window in windows] == [FIRST + HOUR * n for n in range(24)]
    # Light from 03:40 to 20:34 UTC: from 8 to 19 o'clock, and again from 4.
    assert [window.starts_at.hour for window in windows if window.viable] == [*range(8, 20), *range(4, 8)]
    walk.refresh_from_db()
    assert walk.windows_at == NOW
    fetch = latest()
    assert (fetch.status, fetch.expires, fetch.last_modified, fetch.error) == ("fetched", expires, "then", "")
    assert weather.asked[0][0]["altitude"] == "100"


def test_nobody_is_asked_before_the_answer_expires(provider: MetnoForecast, weather: WeatherServer) -> None:
    make_walk("One")
    weather.answer = good(locationforecast(FIRST), expires=NOW + HOUR)
    refresh(provider)
    assert refresh(provider, NOW + HOUR - timedelta(minutes=1)).outcomes == {"current": 1}
    assert len(weather.asked) == 1
    assert refresh(provider, NOW + HOUR).outcomes == {"fetched": 1}
    assert refresh(provider, NOW + HOUR, force=True).outcomes == {"fetched": 1}
    assert len(weather.asked) == 3


def test_unchanged_keeps_the_windows_and_moves_the_expiry(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    walk = make_walk("One")
    weather.answer = good(locationforecast(FIRST), expires=NOW, last_modified="Mon, 01 Jun 2026 08:00:00 GMT")
    refresh(provider)
    stored = list(Window.objects.values_list("pk", "temp_c", "viable"))
    weather.answer = Answer(status=304, headers={"Expires": "Mon, 01 Jun 2026 10:00:00 GMT"})
    assert refresh(provider, NOW + timedelta(minutes=5)).outcomes == {"unchanged": 1}
    assert weather.asked[-1][1]["If-Modified-Since"] == "Mon, 01 Jun 2026 08:00:00 GMT"
    assert list(Window.objects.values_list("pk", "temp_c", "viable")) == stored
    walk.refresh_from_db()
    assert walk.windows_at == NOW + timedelta(minutes=5)
    assert refresh(provider, NOW + HOUR).outcomes == {"current": 1}
    # The date of the last full answer is remembered over a 304.
    assert latest().last_modified == "Mon, 01 Jun 2026 08:00:00 GMT"


def test_time_alone_brings_a_far_hour_within_the_horizon(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_walk("One")
    weather.answer = good(locationforecast(FIRST, hours=24 * 9), expires=NOW, last_modified="then")
    refresh(provider)
    far = Window.objects.get(starts_at=FIRST + timedelta(days=8))
    assert not far.viable
    weather.answer = Answer(status=304)
    refresh(provider, NOW + timedelta(days=1, hours=1))
    far.refresh_from_db()
    assert far.viable


@pytest.mark.parametrize(
    "answer", [Answer(status=500), Answer(body=b"garbage"), Answer(status=200, body=b'{"properties": {}}')]
)
def test_a_failed_fetch_keeps_the_rows_and_says_why(
    provider: MetnoForecast, weather: WeatherServer, answer: Answer
) -> None:
    walk = make_walk("One")
    weather.answer = good(locationforecast(FIRST), expires=NOW)
    refresh(provider)
    weather.answer = answer
    report = refresh(provider, NOW + HOUR)
    assert report.outcomes == {"failed": 1}
    assert report.problems["one"] == latest().error != ""
    assert Window.objects.count() == 48
    walk.refresh_from_db()
    assert walk.windows_at == NOW  # the forecast's age is that of the last answer


@pytest.mark.parametrize("hours_ago", [0, 72])
def test_an_empty_or_outdated_import_wipes_nothing(
    provider: MetnoForecast, weather: WeatherServer, hours_ago: int
) -> None:
    make_walk("One")
    weather.answer = good(locationforecast(FIRST), expires=NOW)
    refresh(provider)
    old = locationforecast(FIRST - HOUR * hours_ago, hours=24 if hours_ago else 0)
    weather.answer = good(old, expires=NOW + 5 * HOUR)
    assert refresh(provider, NOW + HOUR).outcomes == {"empty": 1}
    assert Window.objects.count() == 48
    # It counts as no answer: the next run asks again, expiry or not.
    assert refresh(provider, NOW + 2 * HOUR).outcomes == {"empty": 1}


def test_a_new_forecast_replaces_the_old_one_and_removes_what_it_no_longer_says(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_walk("One")
    weather.answer = good(locationforecast(FIRST, hours=48), expires=NOW)
    refresh(provider)
    weather.answer = good(locationforecast(FIRST, hours=24, wind_speed=30.0), expires=NOW)
    refresh(provider, NOW + timedelta(minutes=5))
    assert Window.objects.count() == 24
    assert set(Window.objects.values_list("wind_kmh", "viable")) == {(108.0, False)}


def test_one_walk_that_fails_does_not_stop_the_others(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_walk("First")
    make_walk("Second", latitude=55.0)
    make_walk("Third", latitude=56.0)
    make_walk("Draft", latitude=57.0, published=False)
    weather.answer = good(locationforecast(FIRST))
    weather.by_latitude["55.0000"] = Answer(status=503)
    report = refresh(provider)
    assert report.outcomes == {"fetched": 2, "failed": 1}
    assert list(report.problems) == ["second"]
    assert set(Window.objects.values_list("walk__slug", flat=True)) == {"first", "third"}


def test_a_bad_item_is_recorded_and_the_rest_is_stored(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_walk("One")
    document = locationforecast(FIRST, hours=5)
    document["properties"]["timeseries"][1]["time"] = "yesterday"
    document["properties"]["timeseries"][3] = None
    weather.answer = good(document)
    report = refresh(provider)
    assert (report.outcomes, report.windows) == ({"fetched": 1}, 3)
    assert latest().status == "fetched"
    assert latest().error.startswith("2 items refused; the first: item 1: ValueError")


def test_another_providers_dates_mean_nothing(provider: MetnoForecast, weather: WeatherServer) -> None:
    make_walk("One")
    refresh_windows(provider=FixtureForecast(), now=NOW)
    weather.answer = good(locationforecast(FIRST), expires=NOW + HOUR, last_modified="then")
    assert refresh(provider).outcomes == {"fetched": 1}
    assert refresh_windows(provider=FixtureForecast(), now=NOW).outcomes == {"fetched": 1}


def test_without_windows_ahead_everything_is_asked_for_again(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_walk("One")
    weather.answer = good(locationforecast(FIRST), expires=NOW + timedelta(days=30), last_modified="then")
    refresh(provider)
    Window.objects.all().delete()
    assert refresh(provider).outcomes == {"fetched": 1}
    assert "If-Modified-Since" not in weather.asked[-1][1]


def test_when_the_time_is_used_up_the_rest_is_left() -> None:
    make_walk("First")
    make_walk("Second", latitude=55.0)
    report = refresh_windows(provider=FixtureForecast(), now=NOW, budget_s=-1)
    assert report.outcomes == {"left": 2}
    assert not ForecastFetch.objects.exists()


def test_one_walk_can_be_refreshed_unless_it_is_a_draft() -> None:
    make_walk("First")
    make_walk("Draft", latitude=55.0, published=False)
    seen: list[tuple[str, str]] = []
    refresh_windows(
        provider=FixtureForecast(), now=NOW, slug="first", on_walk=lambda *event: seen.append(event)
    )
    assert seen == [("first", "fetched")]
    with pytest.raises(WalkNotPublicError, match="'draft' is not published"):
        refresh_windows(provider=FixtureForecast(), now=NOW, slug="draft")
    assert set(Window.objects.values_list("walk__slug", flat=True)) == {"first"}
    with pytest.raises(WalkNotFoundError, match="nowhere"):
        refresh_windows(provider=FixtureForecast(), now=NOW, slug="nowhere")


def test_pruning_removes_what_is_over_and_nothing_else(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    walk = make_walk("One")
    weather.answer = good(locationforecast(FIRST, hours=4))
    refresh(provider)
    ForecastFetch.objects.create(
        walk=walk, provider="metno", at=NOW - timedelta(days=31), status="failed", error="long ago"
    )
    report = prune_windows(now=FIRST + 2 * HOUR)
    assert (report.windows, report.fetches) == (2, 1)
    assert [window.starts_at for window in Window.objects.all()] == [FIRST + 2 * HOUR, FIRST + 3 * HOUR]
    assert ForecastFetch.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [{"precip_mm": 2.1}, {"wind_kmh": 81}, {"temp_c": float("nan")}, {"cloud_pct": 101}, {"precip_mm": -1}],
    ids=str,
)
def test_the_database_refuses_a_window_that_cannot_be(changes: dict[str, float]) -> None:
    make_walk("One")
    refresh_windows(provider=FixtureForecast(), now=NOW)
    window = Window.objects.filter(viable=True)[:1].get()
    with pytest.raises(IntegrityError, match="hikes_window"), atomic():
        Window.objects.filter(pk=window.pk).update(**changes)


def test_the_commands_say_what_they_did() -> None:
    make_walk("One")
    out = StringIO()
    call_command("refresh_windows", "--provider", "fixture", stdout=out)
    assert "fetched" in out.getvalue()
    assert "192 windows stored" in out.getvalue()
    call_command("refresh_windows", "--walk", "one", stdout=out)
    assert "current" in out.getvalue()
    call_command("refresh_windows", "--walk", "one", "--force", stdout=out)
    call_command("prune_windows", stdout=out)
    assert "0 windows and 0 fetch records removed" in out.getvalue()
    with pytest.raises(CommandError, match="nowhere"):
        call_command("refresh_windows", "--walk", "nowhere", stdout=out)


def test_the_command_fails_when_every_question_failed(weather: WeatherServer) -> None:
    make_walk("One")
    weather.answer = Answer(status=500)
    out = StringIO()
    with (
        override_settings(HIKES_METNO_URL=weather.url, HIKES_USER_AGENT="hikes-tests/1 me@example.org"),
        pytest.raises(CommandError, match="Every question failed"),
    ):
        call_command("refresh_windows", "--provider", "metno", stdout=out)
    assert "one: 127.0.0.1 answered 500" in out.getvalue()
    assert weather.asked[0][1]["User-Agent"] == "hikes-tests/1 me@example.org"
