"""What stars does by itself, each task called as a worker calls it."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from apps.stars import tasks
from apps.stars.errors import ForecastError
from apps.stars.models import NightTable, SiteForecast, SiteHour, SiteMonthStat
from apps.stars.services import NIGHTS_AHEAD
from tests.apps.stars.sites import make_site
from tests.apps.stars.weather_server import Answer, WeatherServer, good, locationforecast

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_stars")]


def test_a_refresh_stores_the_hours_of_every_site() -> None:
    make_site()
    make_site("Elan Valley", latitude=52.27)

    done = tasks.refresh.call()

    assert done == {"provider": "fixture", "outcomes": {"fetched": 2}, "hours": 384, "problems": {}}
    assert SiteHour.objects.count() == 384
    assert tasks.refresh.call()["outcomes"] == {"current": 2}
    assert tasks.refresh.call(force=True)["outcomes"] == {"fetched": 2}


def test_a_site_that_fails_leaves_the_others_and_the_job_alone(weather: WeatherServer) -> None:
    make_site(latitude=54)
    make_site("Elan Valley", latitude=55)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    weather.answer = good(locationforecast(hour, hours=24))
    weather.by_latitude["55.0000"] = Answer(status=503)

    with override_settings(STARS_FORECAST_PROVIDER="metno", STARS_METNO_URL=weather.url):
        done = tasks.refresh.call()

    assert done["outcomes"] == {"fetched": 1, "failed": 1}
    assert list(done["problems"]) == ["elan-valley"]


def test_when_every_question_fails_the_job_is_tried_again_and_hours_stay(weather: WeatherServer) -> None:
    make_site()
    tasks.refresh.call()
    weather.answer = Answer(status=500)

    with (
        override_settings(STARS_FORECAST_PROVIDER="metno", STARS_METNO_URL=weather.url),
        pytest.raises(ForecastError, match="Every question failed; the first: "),
    ):
        tasks.refresh.call()

    assert SiteHour.objects.count() == 192
    assert SiteForecast.objects.get().status == "failed"  # said, although the job failed


def test_pruning_banks_nights_before_it_removes_them() -> None:
    site = make_site(now=timezone.now() - timedelta(days=5))
    tasks.refresh.call()
    first = SiteHour.objects.earliest("night").night
    SiteHour.objects.filter(night=first).update(night=first - timedelta(days=5))
    hours = SiteHour.objects.filter(night=first - timedelta(days=5)).count()
    before = NightTable.objects.count()

    done = tasks.prune.call()

    assert done == {"hours": hours, "nights": before - NightTable.objects.count()}
    assert done["nights"] > 0
    assert SiteMonthStat.objects.get(site=site).hours == hours


def test_nights_that_are_missing_are_computed() -> None:
    make_site(now=timezone.now())
    NightTable.objects.filter(pk__in=list(NightTable.objects.values_list("pk", flat=True)[:3])).delete()

    assert tasks.compute_nights.call() == 3
    assert tasks.compute_nights.call() == 0
    assert NightTable.objects.count() == NIGHTS_AHEAD


def test_questions_end_before_the_job_does() -> None:
    assert tasks.REFRESH_BUDGET_S + 20 < tasks.REFRESH_LIMIT_S
