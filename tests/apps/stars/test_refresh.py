"""Refreshing hours against a real weather server and the real database."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import override_settings

from apps.stars.errors import SiteNotFoundError
from apps.stars.forecast.fixture import FixtureForecast
from apps.stars.forecast.metno import MetnoForecast
from apps.stars.forecast.port import Forecast
from apps.stars.models import Site, SiteForecast, SiteHour
from apps.stars.refresh import RefreshReport, refresh_hours
from monolith import atomic
from tests.apps.stars.sites import NOW, make_site
from tests.apps.stars.weather_server import Answer, WeatherServer, good, locationforecast

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_stars")]

FIRST = NOW.replace(minute=0)
HOUR = timedelta(hours=1)


@pytest.fixture
def provider(weather: WeatherServer) -> Iterator[MetnoForecast]:
    provider = MetnoForecast(user_agent="stars-tests/1", url=weather.url)
    yield provider
    provider.close()


def refresh(provider: MetnoForecast, now: datetime = NOW, *, force: bool = False) -> RefreshReport:
    return refresh_hours(provider=provider, now=now, force=force)


def last() -> SiteForecast:
    return SiteForecast.objects.get()


def test_a_forecast_becomes_hours_with_the_sky_above_them(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    site = make_site(elevation_m=370)
    expires = FIRST + 2 * HOUR
    weather.answer = good(
        locationforecast(FIRST, hours=24, cloud_area_fraction=5), expires=expires, last_modified="then"
    )
    report = refresh(provider)
    assert (report.outcomes, report.hours, report.problems) == ({"fetched": 1}, 24, {})
    hours = list(SiteHour.objects.all())
    assert [hour.starts_at for hour in hours] == [FIRST + HOUR * n for n in range(24)]
    # Dark from 17:25 to 06:29 (nights computed), so the hours that are dark throughout begin at 18 and end at 6.
    assert [hour.starts_at.hour for hour in hours if hour.clear_dark] == [*range(18, 24), *range(6)]
    assert {hour.night for hour in hours} == {date(2026, 11, 21)}
    assert {hour.score > 0 for hour in hours if hour.clear_dark} == {True}
    assert {hour.score for hour in hours if not hour.clear_dark} == {0}
    assert 0 < hours[0].dew_spread_c < 8
    site.refresh_from_db()
    assert site.forecast_at == NOW
    assert (last().status, last().expires, last().last_modified, last().error) == (
        "fetched",
        expires,
        "then",
        "",
    )
    assert weather.asked[0][0]["altitude"] == "370"


@pytest.mark.parametrize(("cloud", "clear"), [(9.99, True), (10.0, False)])
def test_ten_percent_cloud_is_no_longer_clear(
    provider: MetnoForecast, weather: WeatherServer, cloud: float, clear: bool
) -> None:
    make_site()
    weather.answer = good(locationforecast(FIRST + 10 * HOUR, hours=1, cloud_area_fraction=cloud))
    refresh(provider)
    assert SiteHour.objects.get().clear_dark is clear


def test_a_june_forecast_at_57_north_has_no_dark_hour_however_clear(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    june = NOW.replace(month=6)
    make_site(latitude=57, now=june)
    weather.answer = good(locationforecast(june.replace(minute=0), hours=48, cloud_area_fraction=0))
    refresh(provider, june)
    assert set(SiteHour.objects.values_list("clear_dark", "score")) == {(False, 0)}


def test_hours_after_local_noon_belong_to_the_next_night(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_site("South", latitude=-43.987, longitude=170.465, time_zone="Pacific/Auckland")
    weather.answer = good(locationforecast(FIRST, hours=24))
    refresh(provider)
    # It is 13 hours ahead there: noon is at 23 o'clock here.
    nights = {hour.starts_at.hour: hour.night.day for hour in SiteHour.objects.all()}
    assert (nights[22], nights[23], nights[0]) == (21, 22, 22)


def test_nobody_is_asked_before_the_answer_expires(provider: MetnoForecast, weather: WeatherServer) -> None:
    make_site()
    weather.answer = good(locationforecast(FIRST), expires=NOW + HOUR)
    refresh(provider)
    assert refresh(provider, NOW + HOUR - timedelta(minutes=1)).outcomes == {"current": 1}
    assert len(weather.asked) == 1
    assert refresh(provider, NOW + HOUR).outcomes == {"fetched": 1}
    assert refresh(provider, NOW + HOUR, force=True).outcomes == {"fetched": 1}
    assert len(weather.asked) == 3


def test_unchanged_keeps_the_hours_and_moves_the_expiry(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    site = make_site()
    weather.answer = good(locationforecast(FIRST), expires=NOW, last_modified="Sat, 21 Nov 2026 12:00:00 GMT")
    refresh(provider)
    stored = list(SiteHour.objects.values_list("pk", "temp_c"))
    weather.answer = Answer(status=304, headers={"Expires": "Sat, 21 Nov 2026 14:00:00 GMT"})
    assert refresh(provider, NOW + timedelta(minutes=5)).outcomes == {"unchanged": 1}
    assert weather.asked[-1][1]["If-Modified-Since"] == "Sat, 21 Nov 2026 12:00:00 GMT"
    assert list(SiteHour.objects.values_list("pk", "temp_c")) == stored
    site.refresh_from_db()
    assert site.forecast_at == NOW + timedelta(minutes=5)
    assert refresh(provider, NOW + HOUR).outcomes == {"current": 1}
    # The date of the last full answer is remembered over a 304.
    assert last().last_modified == "Sat, 21 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    "answer", [Answer(status=500), Answer(body=b"garbage"), Answer(status=200, body=b'{"properties": {}}')]
)
def test_a_failed_fetch_keeps_the_rows_says_why_and_is_tried_again(
    provider: MetnoForecast, weather: WeatherServer, answer: Answer
) -> None:
    site = make_site()
    weather.answer = good(locationforecast(FIRST), expires=NOW, last_modified="then")
    refresh(provider)
    weather.answer = answer
    report = refresh(provider, NOW + HOUR)
    assert report.outcomes == {"failed": 1}
    assert report.problems["kielder"] == last().error != ""
    assert SiteHour.objects.count() == 48
    site.refresh_from_db()
    assert site.forecast_at == NOW  # the forecast's age is that of the last answer
    refresh(provider, NOW + HOUR)
    assert "If-Modified-Since" not in weather.asked[-1][1]


@pytest.mark.parametrize("hours_ago", [0, 72])
def test_an_empty_or_outdated_import_wipes_nothing(
    provider: MetnoForecast, weather: WeatherServer, hours_ago: int
) -> None:
    make_site()
    weather.answer = good(locationforecast(FIRST), expires=NOW)
    refresh(provider)
    old = locationforecast(FIRST - HOUR * hours_ago, hours=24 if hours_ago else 0)
    weather.answer = good(old, expires=NOW + 5 * HOUR)
    assert refresh(provider, NOW + HOUR).outcomes == {"empty": 1}
    assert SiteHour.objects.count() == 48
    # It counts as no answer: the next run asks again, expiry or not.
    assert refresh(provider, NOW + 2 * HOUR).outcomes == {"empty": 1}


def test_a_shorter_forecast_changes_its_hours_and_removes_none(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_site()
    weather.answer = good(locationforecast(FIRST, hours=48), expires=NOW)
    refresh(provider)
    weather.answer = good(locationforecast(FIRST, hours=24, cloud_area_fraction=100), expires=NOW)
    refresh(provider, NOW + timedelta(minutes=5))
    clouds = list(SiteHour.objects.values_list("cloud_pct", flat=True))
    assert clouds == [100] * 24 + [40] * 24


def test_an_hour_that_is_over_keeps_what_was_last_said_of_it(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_site()
    weather.answer = good(locationforecast(FIRST, hours=3), expires=NOW)
    refresh(provider)
    weather.answer = good(locationforecast(FIRST, hours=3, cloud_area_fraction=100), expires=NOW)
    refresh(provider, NOW + HOUR)
    assert list(SiteHour.objects.values_list("cloud_pct", flat=True)) == [40, 100, 100]


def test_one_site_that_fails_does_not_stop_the_others(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_site("First", latitude=54)
    make_site("Second", latitude=55)
    make_site("Third", latitude=56)
    weather.answer = good(locationforecast(FIRST))
    weather.by_latitude["55.0000"] = Answer(status=503)
    report = refresh(provider)
    assert report.outcomes == {"fetched": 2, "failed": 1}
    assert list(report.problems) == ["second"]
    assert set(SiteHour.objects.values_list("site__slug", flat=True)) == {"first", "third"}


def test_a_bad_item_is_recorded_and_the_rest_is_stored(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_site()
    document = locationforecast(FIRST, hours=5)
    document["properties"]["timeseries"][1]["time"] = "yesterday"
    document["properties"]["timeseries"][3] = None
    weather.answer = good(document)
    report = refresh(provider)
    assert (report.outcomes, report.hours) == ({"fetched": 1}, 3)
    assert last().error.startswith("2 items refused; the first: item 1: ValueError")


def test_another_providers_dates_mean_nothing(provider: MetnoForecast, weather: WeatherServer) -> None:
    make_site()
    refresh_hours(provider=FixtureForecast(), now=NOW)
    weather.answer = good(locationforecast(FIRST), expires=NOW + HOUR, last_modified="then")
    assert refresh(provider).outcomes == {"fetched": 1}
    assert refresh_hours(provider=FixtureForecast(), now=NOW).outcomes == {"fetched": 1}


def test_without_hours_ahead_everything_is_asked_for_again(
    provider: MetnoForecast, weather: WeatherServer
) -> None:
    make_site()
    weather.answer = good(
        locationforecast(FIRST, hours=2), expires=NOW + timedelta(days=30), last_modified="then"
    )
    refresh(provider)
    assert refresh(provider, NOW + HOUR).outcomes == {"fetched": 1}
    assert "If-Modified-Since" not in weather.asked[-1][1]


def test_a_site_that_is_deleted_meanwhile_gets_no_hours() -> None:
    make_site()

    class Deleting(FixtureForecast):
        def fetch(
            self,
            *,
            latitude: float,
            longitude: float,
            elevation_m: float,
            last_modified: str,
            now: datetime,
        ) -> Forecast:
            Site.objects.all().delete()
            return super().fetch(
                latitude=latitude,
                longitude=longitude,
                elevation_m=elevation_m,
                last_modified=last_modified,
                now=now,
            )

    assert refresh_hours(provider=Deleting(), now=NOW).outcomes == {"empty": 1}
    assert not SiteHour.objects.exists()


def test_when_the_time_is_used_up_the_rest_is_left() -> None:
    make_site("First")
    make_site("Second")
    report = refresh_hours(provider=FixtureForecast(), now=NOW, budget_s=-1)
    assert report.outcomes == {"left": 2}
    assert not SiteHour.objects.exists()


def test_one_site_can_be_refreshed() -> None:
    make_site("First")
    make_site("Second")
    seen: list[tuple[str, str]] = []
    refresh_hours(
        provider=FixtureForecast(), now=NOW, slug="first", on_site=lambda *event: seen.append(event)
    )
    assert seen == [("first", "fetched")]
    with pytest.raises(SiteNotFoundError, match="nowhere"):
        refresh_hours(provider=FixtureForecast(), now=NOW, slug="nowhere")


@pytest.mark.parametrize(
    "changes",
    [
        {"cloud_pct": 101},
        {"temp_c": float("nan")},
        {"humidity_pct": -1},
        {"score": 101},
        {"moon_illumination": 2},
    ],
    ids=str,
)
def test_the_database_refuses_an_hour_that_cannot_be(changes: dict[str, float]) -> None:
    make_site()
    refresh_hours(provider=FixtureForecast(), now=NOW)
    with pytest.raises(IntegrityError, match="stars_hour"), atomic():
        SiteHour.objects.update(**changes)


def test_the_database_refuses_a_failure_without_a_reason() -> None:
    site = make_site()
    with pytest.raises(IntegrityError, match="stars_forecast_failure_says_why"), atomic():
        SiteForecast.objects.create(site=site, provider="x", at=NOW, status="failed")


def test_the_command_says_what_it_did() -> None:
    make_site()
    out = StringIO()
    call_command("refresh_stars", "--provider", "fixture", stdout=out)
    assert "fetched" in out.getvalue()
    assert "192 hours stored" in out.getvalue()
    call_command("refresh_stars", "--site", "kielder", stdout=out)
    assert "current" in out.getvalue()
    with pytest.raises(CommandError, match="nowhere"):
        call_command("refresh_stars", "--site", "nowhere", stdout=out)


def test_the_command_fails_when_every_question_failed(weather: WeatherServer) -> None:
    make_site()
    weather.answer = Answer(status=500)
    out = StringIO()
    with (
        override_settings(STARS_METNO_URL=weather.url, STARS_USER_AGENT="stars-tests/1 me@example.org"),
        pytest.raises(CommandError, match="Every question failed"),
    ):
        call_command("refresh_stars", "--provider", "metno", stdout=out)
    assert "kielder: 127.0.0.1 answered 500" in out.getvalue()
