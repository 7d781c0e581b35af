"""How PostgreSQL answers what the public asks, among many walks: by indexes, and no further than a page needs."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.hikes.models import PublicWalk, Window
from monolith import entering

pytestmark = pytest.mark.django_db(databases="__all__")

API = "/api/hikes/walks"
MANY = 5_000
DAY = datetime(2030, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def many_walks() -> None:
    """Walks all over the country, a few of them with a good hour on a day."""
    with entering("hikes"):
        walks = [public_walk(number) for number in range(MANY)]
        PublicWalk.objects.bulk_create(walks)
        Window.objects.bulk_create(good_hour(walk) for walk in walks[::500])
        with connections["hikes"].cursor() as cursor:
            cursor.execute("ANALYZE hikes_public_walk, hikes_window")


def public_walk(number: int) -> PublicWalk:
    return PublicWalk(
        id=uuid.uuid4(),
        slug=f"walk-{number}",
        name=f"Walk {number}",
        region="Here",
        summary="",
        latitude=50 + number % 100 / 10,
        longitude=-8 + number // 100 / 10,
        distance_km=1 + number % 40,
        ascent_m=number % 1500,
        descent_m=number % 1500,
        duration_h=1 + number % 12,
        difficulty="easy",
        track=[[-3, 54, 0], [-3, 54.1, 0]],
        updated_at=DAY,
    )


def good_hour(walk: PublicWalk) -> Window:
    weather = {"temp_c": 10, "precip_mm": 0, "wind_kmh": 5, "cloud_pct": 5}
    return Window(walk=walk, starts_at=DAY, day=DAY.date(), viable=True, **weather)


def plan(client: Client, path: str = "", **query: Any) -> str:
    """Return the plan of the one statement of a request."""
    connection = connections["hikes"]
    with CaptureQueriesContext(connection) as sent:
        assert client.get(API + path, query).status_code == 200
    (statement,) = sent
    with entering("hikes"), connection.cursor() as cursor:
        cursor.execute("EXPLAIN (COSTS OFF) " + statement["sql"])
        return "\n".join(line for (line,) in cursor)


@pytest.mark.usefixtures("many_walks")
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "Index Scan using hikes_public_walk_name"),
        ({"offset": 40, "limit": 100}, "Index Scan using hikes_public_walk_name"),
        ({"max_km": 12, "max_ascent_m": 600}, "Index Scan using hikes_public_walk_name"),
        ({"near": "54.0,-3.0", "radius_km": 15}, "hikes_public_walk_place"),
        ({"near": "54.0,-3.0", "radius_km": 15, "sort": "nearest"}, "hikes_public_walk_place"),
        ({"on": "2030-06-01"}, "hikes_window_viable_day"),
    ],
)
def test_a_page_is_answered_by_an_index(client: Client, query: dict[str, Any], index: str) -> None:
    assert index in plan(client, **query)


@pytest.mark.usefixtures("many_walks")
def test_one_walk_is_found_by_its_slug(client: Client) -> None:
    found = plan(client, "/walk-77")
    assert "Index Scan using hikes_public_walk_slug" in found
    assert "Seq Scan" not in found
