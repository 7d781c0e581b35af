"""Daylight asked of stars: once for all walks, and what happens when stars cannot be asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.hikes import services
from apps.hikes.daylight import MAX_PLACES, ask_daylight
from apps.hikes.errors import DaylightError
from apps.hikes.forecast.fixture import FixtureForecast
from apps.hikes.forecast.port import Forecast
from apps.hikes.geometry import Point
from apps.hikes.gpx import write_gpx
from apps.hikes.models import ForecastFetch, Walk, Window
from apps.hikes.refresh import refresh_windows
from apps.hikes.sample import load
from monolith.contracts import CallBudgetExceeded, TransportFailure, call_budget
from monolith.contracts.call import Call
from monolith.contracts.dispatcher import dispatcher

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_hikes")]

NOW = datetime(2026, 6, 1, 8, 20, tzinfo=UTC)
WEEK = timedelta(days=7)
CUMBRIA = (54.45, -3.2)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_walk(number: int = 0, *, latitude: float = 54.0) -> Walk:
    points = [Point(-3.0, latitude + number / 100, 100), Point(-3.0, latitude + number / 100 + 0.02, 400)]
    data = write_gpx(name=f"Walk {number}", description="", points=points)
    return services.upload_walk(data=data, published=True)


class Away:
    """The way to a module that is not there."""

    is_remote = True

    def carry(self, call: Call) -> Any:
        raise TransportFailure(call.operation.label, "nobody answers at 127.0.0.1:9")


@contextmanager
def stars_away() -> Iterator[None]:
    with dispatcher().placing("stars", Away()):
        yield


def test_the_light_of_a_week_has_a_span_for_each_day() -> None:
    (light,) = ask_daylight([CUMBRIA], start=NOW, end=NOW + WEEK)
    assert [span.begins.date().day for span in light] == [31, *range(1, 9)]
    today = next(span for span in light if span.begins.date() == NOW.date())
    assert today.begins < NOW < today.ends
    assert abs(today.ends - utc("2026-06-01T20:37")) < timedelta(minutes=2)


def test_under_the_midnight_sun_all_days_are_one_span_and_in_the_polar_night_there_is_none() -> None:
    tromso = (69.65, 18.96)
    (summer,) = ask_daylight([tromso], start=utc("2026-06-15T00:00"), end=utc("2026-06-22T00:00"))
    assert len(summer) == 1
    assert summer[0].begins <= utc("2026-06-15T00:00") < utc("2026-06-22T00:00") <= summer[0].ends
    assert ask_daylight([tromso], start=utc("2026-12-15T00:00"), end=utc("2026-12-22T00:00")) == [[]]


@pytest.mark.parametrize("longitude", [-180.0, -170.0, 0.0, 170.0, 180.0])
def test_no_day_between_the_two_moments_is_missing_wherever_the_place_is(longitude: float) -> None:
    (light,) = ask_daylight([(0.0, longitude)], start=NOW, end=NOW + WEEK)
    hours = [NOW + timedelta(hours=n) for n in range(7 * 24)]
    lit = sum(any(span.begins <= at <= span.ends for span in light) for at in hours)
    assert lit / len(hours) == pytest.approx(12.1 / 24, abs=0.04)  # the equator's day, to the hour


def test_walks_are_good_all_night_under_the_midnight_sun() -> None:
    make_walk(latitude=69.6)
    june = NOW.replace(day=15)
    refresh_windows(provider=FixtureForecast(), now=june)
    dry = Window.objects.filter(precip_mm__lte=2, wind_kmh__lte=80, starts_at__lte=june + WEEK)
    assert {window.starts_at.hour for window in dry if window.viable} >= {22, 23, 0, 1, 2}
    assert all(window.viable for window in dry)


def test_a_refresh_asks_once_for_all_walks_and_not_at_all_when_none_is_due() -> None:
    for number in range(5):
        make_walk(number)
    with call_budget(1):
        assert refresh_windows(provider=FixtureForecast(), now=NOW).outcomes == {"fetched": 5}
    with call_budget(0):
        assert refresh_windows(provider=FixtureForecast(), now=NOW).outcomes == {"current": 5}
        report = refresh_windows(provider=FixtureForecast(), now=NOW, force=True, budget_s=-1)
        assert report.outcomes == {"left": 5}
        with pytest.raises(CallBudgetExceeded):
            refresh_windows(provider=FixtureForecast(), now=NOW, force=True)


def test_so_many_places_fit_into_one_question() -> None:
    assert len(ask_daylight([CUMBRIA] * MAX_PLACES, start=NOW, end=NOW + WEEK)) == MAX_PLACES


def test_when_stars_is_away_the_error_says_so() -> None:
    with (
        stars_away(),
        pytest.raises(DaylightError, match=r"stars could not be asked .*TransportFailure: .*127\.0\.0\.1:9"),
    ):
        ask_daylight([CUMBRIA], start=NOW, end=NOW + WEEK)


def test_when_stars_is_away_walks_fail_keep_their_windows_and_no_forecast_is_asked_for() -> None:
    class Silent(FixtureForecast):
        def fetch(self, **question: Any) -> Forecast:
            raise AssertionError("a forecast was asked for that cannot be judged")

    walk = make_walk()
    refresh_windows(provider=FixtureForecast(), now=NOW)
    stored = list(Window.objects.values())
    with stars_away():
        report = refresh_windows(provider=Silent(), now=NOW + timedelta(hours=7))
    assert report.outcomes == {"failed": 1}
    assert "stars could not be asked when it is light" in report.problems[walk.slug]
    assert list(Window.objects.values()) == stored
    fetch = ForecastFetch.objects.latest("pk")
    assert (fetch.status, fetch.error) == ("failed", report.problems[walk.slug])
    walk.refresh_from_db()
    assert walk.windows_at == NOW  # the windows are as old as they are
    # Once stars is back, so is the refresh.
    assert refresh_windows(provider=FixtureForecast(), now=NOW + timedelta(hours=7)).outcomes == {
        "fetched": 1
    }


def test_when_stars_is_away_the_command_fails_with_the_reason() -> None:
    make_walk()
    out = StringIO()
    with stars_away(), pytest.raises(CommandError, match="Every question failed"):
        call_command("refresh_windows", stdout=out)
    assert "stars could not be asked when it is light" in " ".join(out.getvalue().split())


def test_when_stars_is_away_the_sample_has_its_walks_and_says_what_is_missing() -> None:
    with stars_away():
        done = load()
    assert done.startswith(
        "28 walks new, 0 known, 0 weather windows; 28 walks without: stars could not be asked"
    )
    assert load() == "0 walks new, 28 known, 5376 weather windows"


def test_when_stars_is_away_everyone_still_sees_the_windows(client: Client) -> None:
    walk = make_walk()
    refresh_windows(provider=FixtureForecast(), now=datetime.now(UTC))
    with stars_away():
        page = client.get(f"/api/hikes/walks/{walk.slug}/windows").json()
    assert page["total"] == 192
    assert any(hour["viable"] for hour in page["items"])
