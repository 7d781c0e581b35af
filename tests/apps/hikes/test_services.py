"""Walks on the real database: what services do, and what the database refuses."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import pytest
from django.db import Error, IntegrityError

from apps.hikes import services
from apps.hikes.errors import GpxError, WalkExistsError, WalkNotFoundError
from apps.hikes.forecast.fixture import FixtureForecast
from apps.hikes.geometry import Point
from apps.hikes.gpx import write_gpx
from apps.hikes.models import ForecastFetch, PublicWalk, Walk, Window
from apps.hikes.refresh import refresh_windows
from monolith import atomic, connection

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_hikes")]

NOW: Final = datetime(2026, 6, 1, 8, 20, tzinfo=UTC)
COPIED: Final = {field.name for field in Walk._meta.concrete_fields} - {"id", "published"}


def gpx_of(name: str, *points: Point) -> bytes:
    ends = points or (Point(-3.0, 54.0, 100), Point(-3.0, 54.03, 400), Point(-2.97, 54.03, 300))
    return write_gpx(name=name, description="Up and over.", points=ends, keywords="Dales")


def uploaded(name: str = "Over the hill") -> Walk:
    return services.upload_walk(data=gpx_of(name))


def test_an_upload_is_measured_and_waits_unpublished() -> None:
    walk = uploaded()
    walk.refresh_from_db()
    assert (walk.slug, walk.name, walk.region, walk.summary) == (
        "over-the-hill",
        "Over the hill",
        "Dales",
        "Up and over.",
    )
    assert (walk.latitude, walk.longitude) == (54.0, -3.0)
    assert walk.distance_km == pytest.approx(5.30, abs=0.01)
    assert (walk.ascent_m, walk.descent_m) == (300, 100)
    assert walk.duration_h == pytest.approx(5.30 / 5 + 300 / 600, abs=0.01)  # 3 degrees down cost nothing
    assert walk.difficulty == "moderate"
    assert walk.track == [[-3.0, 54.0, 100.0], [-3.0, 54.03, 400.0], [-2.97, 54.03, 300.0]]
    assert not walk.published
    assert not PublicWalk.objects.exists()


def test_what_the_caller_says_wins_over_the_file() -> None:
    walk = services.upload_walk(data=gpx_of("In the file"), name="A" * 120, region="Elsewhere")
    assert (walk.name, walk.region) == ("A" * 120, "Elsewhere")
    assert walk.slug == "a" * services.SLUG_LENGTH


def test_walks_of_one_name_get_slugs_of_their_own() -> None:
    slugs = [
        services.upload_walk(data=gpx_of("Twin", Point(-3, 54, 100), Point(-3, 54.01 + n / 100, 200))).slug
        for n in range(3)
    ]
    assert slugs == ["twin", "twin-2", "twin-3"]


def test_a_name_without_letters_still_gets_a_slug() -> None:
    assert uploaded("__ ** __").slug == "walk"
    assert uploaded("_x_-_y-_").slug == "x-y"
    assert (
        services.upload_walk(data=gpx_of("富士山", Point(138, 35, 0), Point(138, 35.1, 9))).slug == "walk-2"
    )


def test_the_same_file_is_stored_once() -> None:
    uploaded()
    with pytest.raises(WalkExistsError, match="'over-the-hill'"):
        services.upload_walk(data=gpx_of("Over the hill"), name="Other name")


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ((Point(-3, 54, 0), Point(-3, 54.0001, 0)), "0.011 km long"),
        ((Point(-3, 54, 0), Point(-3, 74, 0)), "km long"),
    ],
)
def test_what_nobody_walks_is_refused(points: tuple[Point, ...], reason: str) -> None:
    with pytest.raises(GpxError, match=reason):
        services.upload_walk(data=gpx_of("Odd", *points))


def test_a_file_without_a_name_needs_one() -> None:
    with pytest.raises(GpxError, match="names no walk"):
        uploaded("")


def test_publishing_shows_a_walk_and_retiring_hides_it() -> None:
    uploaded()
    published = services.publish_walk(slug="over-the-hill")
    assert [walk.slug for walk in PublicWalk.objects.all()] == ["over-the-hill"]
    again = services.publish_walk(slug="over-the-hill")
    assert again.updated_at == published.updated_at  # nothing changed, so no cache needs to know
    services.retire_walk(slug="over-the-hill")
    assert not PublicWalk.objects.exists()


def test_the_public_row_is_the_walk_however_it_was_changed() -> None:
    walk = uploaded()
    fields = [field.attname for field in PublicWalk._meta.concrete_fields]

    def agree() -> bool:
        return list(PublicWalk.objects.values(*fields)) == list(
            Walk.objects.filter(published=True).values(*fields)
        )

    Walk.objects.filter(pk=walk.pk).update(published=True)
    assert agree()
    assert PublicWalk.objects.count() == 1
    Walk.objects.update(
        slug="renamed", name="Renamed", track=[[0, 0, 0], [1, 1, 1]], latitude=1, windows_at=NOW
    )
    assert agree()
    walk.refresh_from_db()
    walk.published = False
    walk.save()
    assert agree()
    twin = Walk(pk=uuid4(), published=True, **{name: getattr(walk, name) for name in COPIED})
    Walk.objects.filter(pk=walk.pk).delete()
    Walk.objects.bulk_create([twin])
    assert agree()
    Walk.objects.update(id=uuid4())
    assert agree()
    Walk.objects.all().delete()
    assert not PublicWalk.objects.exists()


def test_a_walk_that_is_retired_loses_its_forecast_and_says_so() -> None:
    uploaded()
    services.publish_walk(slug="over-the-hill")
    refresh_windows(provider=FixtureForecast(), now=NOW)
    assert Window.objects.exists()
    Walk.objects.update(published=False)
    assert not Window.objects.exists()
    Walk.objects.update(published=True)
    assert PublicWalk.objects.get().windows_at is None
    assert refresh_windows(provider=FixtureForecast(), now=NOW).outcomes == {"fetched": 1}


def test_a_draft_cannot_have_windows() -> None:
    window = Window(walk_id=uploaded().pk, starts_at=NOW, day=NOW.date(), viable=False)
    window.temp_c = window.precip_mm = window.wind_kmh = window.cloud_pct = 0
    with atomic():
        window.save()
        with pytest.raises(IntegrityError, match="hikes_public_walk"), atomic():
            connection().cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
        window.delete()


def test_an_edit_changes_what_is_given_and_moves_the_version() -> None:
    before = uploaded()
    after = services.edit_walk(slug="over-the-hill", name="Round the hill", difficulty="easy")
    assert (after.name, after.difficulty, after.region) == ("Round the hill", "easy", "Dales")
    assert after.updated_at > before.updated_at
    assert after.slug == "over-the-hill"  # links stay


@pytest.mark.parametrize("change", [services.publish_walk, services.retire_walk, services.edit_walk])
def test_an_unknown_walk_is_named(change: Any) -> None:
    with pytest.raises(WalkNotFoundError, match="'nowhere'"):
        change(slug="nowhere")


@pytest.mark.parametrize(
    "changes",
    [
        {"slug": "Not A Slug"},
        {"latitude": 91.0},
        {"longitude": float("nan")},
        {"distance_km": float("nan")},
        {"distance_km": 0.0},
        {"ascent_m": -1.0},
        {"duration_h": float("inf")},
        {"difficulty": "impossible"},
        {"track": [[1, 2, 3]]},
        {"track": "no list"},
        {"name": None},
    ],
    ids=str,
)
def test_the_database_refuses_a_broken_walk(changes: dict[str, Any]) -> None:
    walk = uploaded()
    with pytest.raises(Error, match=r"hikes_walk|null value|get array length"), atomic():
        Walk.objects.filter(pk=walk.pk).update(**changes)


def test_the_database_refuses_a_failure_without_a_reason() -> None:
    walk = uploaded()
    with pytest.raises(IntegrityError, match="hikes_fetch_failure_says_why"), atomic():
        ForecastFetch.objects.create(walk=walk, provider="x", at=walk.created_at, status="failed")


def test_checksums_are_unique_whatever_the_code_does() -> None:
    first = uploaded()
    second = services.upload_walk(data=gpx_of("Other"))
    with pytest.raises(IntegrityError, match="gpx_checksum"), atomic():
        Walk.objects.filter(pk=second.pk).update(gpx_checksum=first.gpx_checksum)
