"""What hikes does by itself, each task called as a worker calls it."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from apps.hikes import services, tasks
from apps.hikes.errors import ForecastError
from apps.hikes.geometry import Point
from apps.hikes.gpx import write_gpx
from apps.hikes.models import FetchStatus, ForecastFetch, Walk, Window
from tests.apps.hikes.weather_server import Answer, WeatherServer, good, locationforecast

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_hikes")]


def make_walk(name: str, *, latitude: float = 54.0) -> Walk:
    points = [Point(-3.0, latitude, 100), Point(-3.0, latitude + 0.02, 400)]
    return services.upload_walk(data=write_gpx(name=name, description="", points=points), published=True)


def test_a_refresh_stores_the_windows_of_every_published_walk() -> None:
    make_walk("One")
    make_walk("Two", latitude=55)

    done = tasks.refresh.call()

    assert done == {"provider": "fixture", "outcomes": {"fetched": 2}, "windows": 384, "problems": {}}
    assert Window.objects.count() == 384
    assert tasks.refresh.call()["outcomes"] == {"current": 2}
    assert tasks.refresh.call(force=True)["outcomes"] == {"fetched": 2}


def test_a_walk_that_fails_leaves_the_others_and_the_job_alone(weather: WeatherServer) -> None:
    make_walk("One")
    make_walk("Two", latitude=55)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    weather.answer = good(locationforecast(hour, hours=24))
    weather.by_latitude["55.0000"] = Answer(status=503)

    with override_settings(HIKES_FORECAST_PROVIDER="metno", HIKES_METNO_URL=weather.url):
        done = tasks.refresh.call()

    assert done["outcomes"] == {"fetched": 1, "failed": 1}
    assert list(done["problems"]) == ["two"]


def test_when_every_question_fails_the_job_is_tried_again_and_windows_stay(weather: WeatherServer) -> None:
    make_walk("One")
    tasks.refresh.call()
    weather.answer = Answer(status=500)

    with (
        override_settings(HIKES_FORECAST_PROVIDER="metno", HIKES_METNO_URL=weather.url),
        pytest.raises(ForecastError, match="Every question failed; the first: "),
    ):
        tasks.refresh.call()

    assert Window.objects.count() == 192
    assert ForecastFetch.objects.latest("pk").status == FetchStatus.FAILED  # said, although the job failed


def test_pruning_removes_what_is_over() -> None:
    make_walk("One")
    tasks.refresh.call()
    old = Window.objects.earliest("starts_at")
    old.starts_at -= timedelta(hours=5)
    old.save()
    ForecastFetch.objects.update(at=timezone.now() - timedelta(days=31))

    assert tasks.prune.call() == {"windows": 1, "fetches": 1}
    assert not Window.objects.filter(pk=old.pk).exists()


def test_questions_end_before_the_job_does() -> None:
    assert tasks.REFRESH_BUDGET_S + 20 < tasks.REFRESH_LIMIT_S
