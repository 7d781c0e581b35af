"""What hikes tells of its walks, and what it does when it is told."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import reverse

from apps.hikes import services, tasks
from apps.hikes.api import find_walks, get_walk
from apps.hikes.forecast.fixture import FixtureForecast
from apps.hikes.geometry import Point
from apps.hikes.gpx import write_gpx
from apps.hikes.models import Walk, Window
from apps.hikes.refresh import refresh_windows
from contracts.hikes import Around, WalkNotFound, WalkPublished, WalkRetired, WindowsRefreshed
from monolith import atomic, entering
from monolith.events import outbox
from monolith.testing.events import Events

pytestmark = pytest.mark.django_db(databases="__all__")

NOW: Final = datetime(2026, 6, 1, 8, 20, tzinfo=UTC)


def upload(name: str = "Over the hill", *, latitude: float = 54.0, published: bool = False) -> Walk:
    ends = (Point(-3.0, latitude, 100), Point(-3.0, latitude + 0.03, 400))
    data = write_gpx(name=name, description="Up and over.", points=ends, keywords="Dales")
    with entering("hikes"):
        return services.upload_walk(data=data, published=published)


def refuse(drafts: object) -> None:
    raise RuntimeError("no outbox")


def published(events: Events) -> list[str]:
    return [event.slug for event in events.published(WalkPublished)]


def retired(events: Events) -> list[str]:
    return [event.slug for event in events.published(WalkRetired)]


def test_a_published_walk_is_told_of_once_and_under_its_slug(events: Events) -> None:
    walk = upload()
    assert published(events) == []
    with entering("hikes"):
        services.publish_walk(slug=walk.slug)
        services.publish_walk(slug=walk.slug)
        services.edit_walk(slug=walk.slug, summary="Better words.")
    (event,) = events.published(WalkPublished)
    assert (event.slug, event.name, event.region, event.difficulty) == (
        "over-the-hill",
        "Over the hill",
        "Dales",
        walk.difficulty,
    )
    assert (event.latitude, event.longitude, event.distance_km) == (54.0, -3.0, walk.distance_km)
    (envelope,) = events.envelopes(WalkPublished)
    assert (envelope.key, envelope.producer) == ("over-the-hill", "hikes")


def test_a_walk_that_is_uploaded_as_public_is_told_of(events: Events) -> None:
    upload(published=True)
    assert published(events) == ["over-the-hill"]


def test_a_retired_walk_is_told_of_once_and_a_draft_is_not(events: Events) -> None:
    upload("Draft", latitude=55)
    upload(published=True)
    with entering("hikes"):
        for slug in ("over-the-hill", "over-the-hill", "draft"):
            services.retire_walk(slug=slug)
    assert retired(events) == ["over-the-hill"]


def test_what_is_undone_was_not_told(events: Events) -> None:
    upload()
    with entering("hikes"):
        with suppress(RuntimeError), atomic():
            services.publish_walk(slug="over-the-hill")
            raise RuntimeError("undone")
        assert not Walk.objects.get().published
    assert published(events) == []


def test_what_cannot_be_told_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    walk, public = upload(), upload("Public", latitude=55, published=True)
    monkeypatch.setattr(outbox, "add", refuse)
    with entering("hikes"):
        for action in (
            lambda: services.publish_walk(slug=walk.slug),
            lambda: services.retire_walk(slug=public.slug),
            lambda: upload("Third", latitude=56, published=True),
            lambda: refresh_windows(provider=FixtureForecast(), now=NOW),
        ):
            with pytest.raises(RuntimeError, match="no outbox"):
                action()
        assert set(Walk.objects.values_list("slug", "published")) == {(walk.slug, False), (public.slug, True)}
        assert not Window.objects.exists()


def test_a_confirmed_forecast_is_told_with_its_viable_hours(events: Events) -> None:
    upload(published=True)
    upload("Draft", latitude=55)
    with entering("hikes"):
        refresh_windows(provider=FixtureForecast(), now=NOW)
        ahead = Window.objects.filter(viable=True, starts_at__gt=NOW - timedelta(hours=1))
        expected = ahead.count(), ahead.earliest("starts_at").starts_at
        refresh_windows(provider=FixtureForecast(), now=NOW)
    (event,) = events.published(WindowsRefreshed)
    assert (event.slug, event.confirmed_at) == ("over-the-hill", NOW)
    assert (event.viable_hours, event.first_viable_at) == expected


def test_published_walks_get_their_forecast_at_once_by_one_job(events: Events) -> None:
    upload(published=True)
    upload("Round the lake", latitude=55, published=True)
    runs = events.deliver()
    assert [run.task for run in runs].count(tasks.refresh.module_path) == 1
    assert {event.slug for event in events.published(WindowsRefreshed)} == {"over-the-hill", "round-the-lake"}
    with entering("hikes"):
        assert Window.objects.values("walk").distinct().count() == 2


class TestAdmin:
    """Its form and its actions write past services."""

    @pytest.fixture(autouse=True)
    def keeper(self, client: Client, django_user_model: Any) -> None:
        client.force_login(django_user_model.objects.create_superuser("keeper", "", "secret"))

    def save(self, client: Client, walk: Walk, **fields: Any) -> None:
        given = {"name": walk.name, "slug": walk.slug, "region": "Dales", "difficulty": walk.difficulty}
        answer = client.post(reverse("admin:hikes_walk_change", args=[walk.pk]), given | fields)
        assert answer.status_code == 302, answer.content

    def test_saving_the_form_tells(self, client: Client, events: Events) -> None:
        walk = upload()
        self.save(client, walk, published="on")
        self.save(client, walk, published="on", summary="Better words.")
        assert (published(events), retired(events)) == (["over-the-hill"], [])
        self.save(client, walk, published="on", slug="over-it")
        assert (published(events), retired(events)) == (["over-the-hill", "over-it"], ["over-the-hill"])
        self.save(client, walk, slug="over-it")
        assert retired(events) == ["over-the-hill", "over-it"]

    def test_removing_public_walks_tells(self, client: Client, events: Events) -> None:
        walks = [
            upload(published=True),
            upload("Draft", latitude=55),
            upload("Third", latitude=56, published=True),
        ]
        client.post(reverse("admin:hikes_walk_delete", args=[walks[0].pk]), {"post": "yes"})
        chosen = {"action": "delete_selected", "_selected_action": [str(walk.pk) for walk in walks[1:]]}
        client.post(reverse("admin:hikes_walk_changelist"), chosen | {"post": "yes"})
        with entering("hikes"):
            assert not Walk.objects.exists()
        assert retired(events) == ["over-the-hill", "third"]


def test_other_modules_find_public_walks_and_when_to_go() -> None:
    upload(published=True)
    upload("Far away", latitude=57, published=True)
    upload("Draft", latitude=55)
    with entering("hikes"):
        refresh_windows(provider=FixtureForecast(), now=datetime.now(UTC))
        assert [walk.slug for walk in find_walks()] == ["far-away", "over-the-hill"]
        (near,) = find_walks(near=Around(latitude=54, longitude=-3, radius_km=100))
        walk = get_walk(slug="over-the-hill")
        viable = Window.objects.filter(walk__slug="over-the-hill", viable=True).count()
        with pytest.raises(WalkNotFound):
            get_walk(slug="draft")
    assert (near.slug, near.away_km) == ("over-the-hill", 0)
    assert len(walk.windows) == viable > 0
