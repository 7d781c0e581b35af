"""What everyone may ask, over HTTP, against the real database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.hikes import services
from apps.hikes.forecast.port import Forecast
from apps.hikes.geometry import Point, distance_m
from apps.hikes.gpx import read_gpx, write_gpx
from apps.hikes.models import Walk, Window
from apps.hikes.queries import bounding_box
from apps.hikes.refresh import refresh_windows
from apps.hikes.sample import load
from apps.hikes.windows import Weather
from monolith import entering
from monolith.http import caching
from monolith.http.bodies import Bodies

pytestmark = pytest.mark.django_db(databases="__all__")

NOW = datetime(2026, 6, 1, 8, 20, tzinfo=UTC)
API = "/api/hikes/walks"


class SunnyOn:
    """A forecast whose only dry hours are on given days."""

    name = "sunny"

    def __init__(self, *days: int) -> None:
        self.days = days

    def fetch(
        self, *, latitude: float, longitude: float, elevation_m: float, last_modified: str, now: datetime
    ) -> Forecast:
        first = now.replace(minute=0)
        hours = [first + timedelta(hours=n) for n in range(120)]
        return Forecast(
            hours=tuple(
                Weather(
                    starts_at=at,
                    temp_c=12,
                    precip_mm=0 if at.day in self.days else 9,
                    wind_kmh=9,
                    cloud_pct=9,
                )
                for at in hours
            ),
            expires=now,
        )

    def close(self) -> None:
        """Nothing is held."""


def make_walk(
    name: str, lat: float, lon: float, *, north: float = 0.05, up: float = 300, published: bool = True
) -> Walk:
    points = [Point(lon, lat, 100), Point(lon, lat + north, 100 + up)]
    data = write_gpx(name=name, description=f"About {name}.", points=points, keywords="Here")
    return services.upload_walk(data=data, published=published)


@pytest.fixture
def walks() -> None:
    """Three walks north of each other, and a draft."""
    with entering("hikes"):
        make_walk("South", 54.0, -3.0)
        make_walk("Middle", 54.5, -3.0, north=0.10, up=700)
        make_walk("North", 55.0, -3.0, north=0.15, up=900)
        make_walk("Draft", 54.1, -3.0, published=False)


def get(client: Client, path: str = "", **query: Any) -> Any:
    response = client.get(API + path, query)
    assert response.status_code == 200, response.content
    return response.json()


def slugs(client: Client, **query: Any) -> list[str]:
    return [walk["slug"] for walk in get(client, **query)["items"]]


@pytest.mark.usefixtures("walks")
class TestList:
    def test_shows_what_is_published_and_nothing_private(self, client: Client) -> None:
        page = get(client)
        assert (page["total"], page["limit"], page["offset"]) == (3, 20, 0)
        assert [walk["slug"] for walk in page["items"]] == ["middle", "north", "south"]
        assert not {"gpx", "gpx_checksum", "published", "track"} & page["items"][0].keys()

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"near": "54.0,-3.0", "radius_km": 56, "sort": "nearest"}, ["south", "middle"]),
            ({"near": "54.0,-3.0", "radius_km": 55}, ["south"]),
            ({"latitude": 55.0, "longitude": -3.0, "sort": "nearest"}, ["north", "middle", "south"]),
            ({"min_km": 10}, ["middle", "north"]),
            ({"max_km": 12}, ["middle", "south"]),
            ({"min_km": 10, "max_km": 12}, ["middle"]),
            ({"max_ascent_m": 700}, ["middle", "south"]),
            ({"max_hours": 2}, ["south"]),
            ({"difficulty": "severe"}, ["north"]),
            ({"region": "hErE"}, ["middle", "north", "south"]),
            ({"region": "er"}, []),
            ({"text": "OUT NOR"}, ["north"]),
            ({"text": "100%"}, []),
            ({"text": "_"}, []),
            ({"sort": "-distance"}, ["north", "middle", "south"]),
            ({"sort": "ascent"}, ["south", "middle", "north"]),
            ({"sort": "duration", "limit": 1, "offset": 1}, ["middle"]),
            ({"offset": 3}, []),
            ({"on": "2026-06-03"}, []),  # no forecast yet
        ],
    )
    def test_finds(self, client: Client, query: dict[str, Any], found: list[str]) -> None:
        assert slugs(client, **query) == found

    def test_says_how_far_away_a_walk_is(self, client: Client) -> None:
        items = get(client, near="54.0,-3.0", sort="nearest")["items"]
        assert [item["away_km"] for item in items] == pytest.approx([0, 55.597, 111.195], abs=0.001)
        assert get(client)["items"][0]["away_km"] is None

    def test_finds_the_walks_that_are_good_on_a_day(self, client: Client) -> None:
        with entering("hikes"):
            refresh_windows(provider=SunnyOn(1, 3), now=NOW, slug="south")
            refresh_windows(provider=SunnyOn(3), now=NOW, slug="north")
        with time_machine.travel(NOW, tick=False):
            assert slugs(client, on="2026-06-01") == ["south"]
            assert slugs(client, on="2026-06-02") == []
            assert slugs(client, on="2026-06-03") == ["north", "south"]
        # In the evening the first day is over, although its rows are still there.
        with time_machine.travel(NOW.replace(hour=23), tick=False):
            assert slugs(client, on="2026-06-01") == []

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ({"limit": 0}, "limit"),
            ({"limit": 101}, "limit"),
            ({"offset": -1}, "offset"),
            ({"offset": 10**30}, "offset"),
            ({"latitude": "nan", "longitude": 0}, "latitude"),
            ({"latitude": 0, "longitude": "inf"}, "longitude"),
            ({"latitude": 91, "longitude": 0}, "latitude"),
            ({"min_km": "-inf"}, "min_km"),
            ({"max_ascent_m": "1e400"}, "max_ascent_m"),
            ({"near": "1,2", "radius_km": 0}, "radius_km"),
            ({"near": "91,0"}, "near"),
            ({"near": "somewhere"}, "near"),
            ({"near": "1,2,3"}, "near"),
            ({"difficulty": "hard"}, "difficulty"),
            ({"sort": "price"}, "sort"),
            ({"text": "x" * 81}, "text"),
            ({"text": " "}, "text"),
            ({"text": "a\x01b"}, "text"),
            ({"on": "2026-02-30"}, "on"),
            ({"on": "soon"}, "on"),
        ],
        ids=str,
    )
    def test_names_the_field_that_is_wrong(self, client: Client, query: dict[str, Any], named: str) -> None:
        response = client.get(API, query)
        assert response.status_code == 422
        assert response.headers["Content-Type"] == "application/problem+json"
        assert [error["name"] for error in response.json()["errors"]] == [named]

    @pytest.mark.parametrize(
        ("query", "reasons"),
        [
            ({"latitude": 1}, {"longitude": "belong together"}),
            ({"near": "1,2", "latitude": 1, "longitude": 2}, {"near": "not both"}),
            ({"radius_km": 5, "sort": "nearest"}, {"radius_km": "needs a place", "sort": "needs a place"}),
            ({"min_km": 5, "max_km": 4}, {"min_km": "min_km is 5, more than max_km 4"}),
        ],
        ids=str,
    )
    def test_names_each_field_that_does_not_fit_the_others(
        self, client: Client, query: dict[str, Any], reasons: dict[str, str]
    ) -> None:
        response = client.get(API, query)
        assert response.status_code == 422
        errors = {error["name"]: error["detail"] for error in response.json()["errors"]}
        assert errors.keys() == reasons.keys()
        assert all(reason in errors[name] for name, reason in reasons.items())

    def test_a_page_beyond_the_last_still_says_how_many_there_are(self, client: Client) -> None:
        page = get(client, offset=3)
        assert (page["total"], page["items"]) == (3, [])

    def test_a_zero_byte_is_refused(self, client: Client) -> None:
        assert client.get(f"{API}?text=a%00b").status_code == 400
        assert client.get(f"{API}/a%00b").status_code in {400, 404, 422}

    def test_takes_one_statement_however_many_walks(self, client: Client) -> None:
        with CaptureQueriesContext(connections["hikes"]) as queries:
            get(client, near="54.0,-3.0", radius_km=100, on="2026-06-01")
        assert len(queries) == 1
        assert all('"hikes_walk"' not in query["sql"] for query in queries)


def test_distance_in_sql_agrees_with_the_formula_everywhere(client: Client) -> None:
    places = [(0.0, 179.95), (0.0, -179.95), (89.9, 10.0), (-89.8, -170.0), (54.0, -3.0), (0.0, 0.0)]
    places.append((54.4, -2.32))  # in a corner of the box of 50 km around its neighbour, 62 km away
    with entering("hikes"):
        for number, (lat, lon) in enumerate(places):
            make_walk(f"W{number}", lat, lon, north=0.01 if lat < 89 else -0.01)
    for lat, lon in [*places, (0.0, 180.0), (90.0, 0.0), (-90.0, 0.0)]:
        here = Point(lon, lat, 0)
        expected = sorted(distance_m(here, Point(o, a, 0)) / 1000 for a, o in places)
        for radius in (1.0, 50.0, 1999.0):
            found = get(client, near=f"{lat},{lon}", radius_km=radius, sort="nearest")["items"]
            within = [km for km in expected if km <= radius]
            assert [walk["away_km"] for walk in found] == pytest.approx(within, abs=1e-4), (lat, lon, radius)


def test_the_bounding_box_is_no_wider_than_needed() -> None:
    _, edges = bounding_box(54.0, -3.0, 111.195)
    assert edges == pytest.approx({"south": 53.0, "north": 55.0, "west": -4.701, "east": -1.299}, abs=1e-2)


@pytest.mark.usefixtures("walks")
class TestDetail:
    def test_shows_a_walk_with_one_statement(self, client: Client) -> None:
        with CaptureQueriesContext(connections["hikes"]) as queries:
            walk = get(client, "/middle")
        assert len(queries) == 1
        assert (walk["name"], walk["summary"], walk["region"]) == ("Middle", "About Middle.", "Here")
        assert (walk["distance_km"], walk["ascent_m"], walk["difficulty"]) == (11.12, 700, "strenuous")
        assert all(not isinstance(value, (dict, list)) for value in walk.values())

    @pytest.mark.parametrize("path", ["", "/windows", "/track.gpx", "/track.geojson"])
    @pytest.mark.parametrize("slug", ["draft", "nowhere"])
    def test_a_draft_is_as_unknown_as_nothing(self, client: Client, slug: str, path: str) -> None:
        response = client.get(f"{API}/{slug}{path}")
        assert response.status_code == 404
        assert response.json()["type"] == "/problems/walk-not-found"
        assert response.json()["detail"].startswith(f"No walk is called '{slug}'.")

    def test_a_slug_that_cannot_be_is_refused(self, client: Client) -> None:
        response = client.get(f"{API}/Not_A_Slug")
        assert response.status_code == 422
        assert response.json()["errors"][0]["name"] == "slug"

    def test_the_gpx_file_is_made_of_the_track_and_not_the_upload(self, client: Client) -> None:
        response = client.get(f"{API}/middle/track.gpx")
        assert response.headers["Content-Type"] == "application/gpx+xml"
        assert response.headers["Content-Disposition"] == 'attachment; filename="middle.gpx"'
        assert read_gpx(response.content).points == (Point(-3, 54.5, 100), Point(-3, 54.6, 800))
        assert b"keywords" not in response.content

    def test_the_track_is_geojson(self, client: Client) -> None:
        feature = get(client, "/middle/track.geojson")
        assert feature["type"] == "Feature"
        assert feature["geometry"] == {
            "type": "LineString",
            "coordinates": [[-3, 54.5, 100], [-3, 54.6, 800]],
        }
        assert feature["properties"]["slug"] == "middle"


@pytest.mark.usefixtures("walks")
class TestWindows:
    def test_shows_the_hours_ahead_and_the_forecasts_age(self, client: Client) -> None:
        with entering("hikes"):
            refresh_windows(provider=SunnyOn(1), now=NOW, slug="south")
        with (
            time_machine.travel(NOW + timedelta(hours=2), tick=False),
            CaptureQueriesContext(connections["hikes"]) as q,
        ):
            page = get(client, "/south/windows")
        assert len(q) == 2
        assert (page["total"], len(page["items"]), page["stale"]) == (118, 118, False)
        assert page["forecast_at"] == "2026-06-01T08:20:00Z"
        assert page["items"][0] == {
            "starts_at": "2026-06-01T10:00:00Z",
            "day": "2026-06-01",
            "temp_c": 12.0,
            "precip_mm": 0.0,
            "wind_kmh": 9.0,
            "cloud_pct": 9.0,
            "viable": True,
        }

    def test_can_be_narrowed_and_paged(self, client: Client) -> None:
        with entering("hikes"):
            refresh_windows(provider=SunnyOn(1, 2), now=NOW, slug="south")
        with time_machine.travel(NOW, tick=False):
            page = get(client, "/south/windows", viable=True, day="2026-06-02", limit=2, offset=1)
            assert page["total"] == 16  # 4 to 19 o'clock
            assert [item["starts_at"][11:13] for item in page["items"]] == ["05", "06"]
            assert get(client, "/south/windows", viable=False, day="2026-06-02")["total"] == 8

    def test_an_old_forecast_says_that_it_is_stale(self, client: Client) -> None:
        assert get(client, "/south/windows")["stale"]  # never fetched
        with entering("hikes"):
            refresh_windows(provider=SunnyOn(1), now=NOW, slug="south")
        with time_machine.travel(NOW + timedelta(hours=12), tick=False):
            assert not get(client, "/south/windows")["stale"]
        with time_machine.travel(NOW + timedelta(hours=12, minutes=1), tick=False):
            assert get(client, "/south/windows")["stale"]


@pytest.mark.usefixtures("walks")
class TestCaching:
    @pytest.mark.parametrize(
        "path", ["", "/south", "/south/windows", "/south/track.gpx", "/south/track.geojson"]
    )
    def test_an_unchanged_answer_is_not_sent_twice(self, client: Client, path: str) -> None:
        with time_machine.travel(NOW, tick=False):
            first = client.get(API + path)
            assert first.headers["ETag"].startswith('"')
            assert first.headers["Cache-Control"].startswith("public, max-age=0, s-maxage=")
            again = client.get(API + path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["ETag"] == first.headers["ETag"]

    def test_a_304_of_the_list_costs_one_statement(self, client: Client) -> None:
        etag = client.get(API).headers["ETag"]
        with CaptureQueriesContext(connections["hikes"]) as queries:
            assert client.get(API, headers={"If-None-Match": etag}).status_code == 304
        assert len(queries) == 1

    def test_a_kept_body_costs_one_statement_without_a_page(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(caching, "BODIES", Bodies())
        first = client.get(API)
        with CaptureQueriesContext(connections["hikes"]) as queries:
            second = client.get(API)
        assert second.content == first.content
        assert len(queries) == 1
        assert "LIMIT" not in queries[0]["sql"]

    def test_a_body_of_before_a_change_is_not_sent(self, client: Client) -> None:
        assert get(client)["total"] == 3
        with entering("hikes"):
            Walk.objects.filter(slug="south").update(published=False)
        after = get(client)
        assert after["total"] == len(after["items"]) == 2

    def test_what_is_asked_first_and_together_is_the_same_version(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The version comes from two statements: alone, and with a page."""
        monkeypatch.setattr(caching, "BODIES", Bodies())
        together = client.get(API, {"sort": "-ascent"})
        alone = client.get(API, {"sort": "-ascent"})
        assert alone.headers["ETag"] == together.headers["ETag"]

    def etags(self, client: Client) -> dict[str, str]:
        paths = ["", "/south", "/south/windows", "/middle"]
        return {path: client.get(API + path).headers.get("ETag", "") for path in paths}

    def changed_by(self, client: Client, change: Any) -> set[str]:
        with time_machine.travel(NOW, tick=False):
            before = self.etags(client)
        with entering("hikes"):
            change()
        with time_machine.travel(NOW, tick=False):
            after = self.etags(client)
        return {path for path in before if before[path] != after[path]}

    def test_an_edit_changes_the_list_and_the_walk(self, client: Client) -> None:
        def change() -> None:
            services.edit_walk(slug="south", region="There")

        assert self.changed_by(client, change) == {"", "/south"}

    def test_a_deletion_changes_the_list_although_nothing_is_newer(self, client: Client) -> None:
        def change() -> None:
            Walk.objects.filter(slug="middle").delete()  # stored before the newest one

        assert self.changed_by(client, change) == {"", "/middle"}

    def test_a_refresh_changes_what_shows_the_forecast(self, client: Client) -> None:
        def change() -> None:
            refresh_windows(provider=SunnyOn(1), now=NOW, slug="south")

        assert self.changed_by(client, change) == {"", "/south", "/south/windows"}

    def test_a_removed_window_changes_the_windows(self, client: Client) -> None:
        with entering("hikes"):
            refresh_windows(provider=SunnyOn(1), now=NOW, slug="south")

        def change() -> None:
            Window.objects.filter(walk__slug="south")[:1].get().delete()

        assert self.changed_by(client, change) == {"/south/windows"}

    def test_the_hour_changes_what_depends_on_it(self, client: Client) -> None:
        paths = {"?on=2026-06-01": True, "/south/windows": True, "": False, "/south": False}
        for path, depends in paths.items():
            seen = set()
            for minutes in (0, 10, 60):
                with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
                    seen.add(client.get(API + path).headers["ETag"])
            assert len(seen) == (2 if depends else 1), path


def test_the_sample_loads_once_and_is_good_for_a_walk_within_the_week(client: Client) -> None:
    assert load() == "28 walks new, 0 known, 5376 weather windows"
    assert load() == "0 walks new, 28 known, 0 weather windows"
    assert get(client)["total"] == 28
    days = [(datetime.now(UTC) + timedelta(days=ahead)).date().isoformat() for ahead in range(1, 7)]
    assert any(get(client, on=day)["total"] for day in days)
    assert get(client, near="54.46,-3.2", radius_km=15)["total"] >= 3
