"""What everyone may ask, over HTTP, against the real database."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.stars import services
from apps.stars.models import NightTable, Site, SiteHour
from apps.stars.pruning import prune
from apps.stars.refresh import refresh_hours
from apps.stars.services import NIGHTS_AHEAD, UsualMonth
from apps.stars.weather import HOUR
from monolith import entering
from tests.apps.stars.clear_on import ClearOn
from tests.apps.stars.sites import NOW, make_site

pytestmark = pytest.mark.django_db(databases="__all__")

API = "/api/stars"


@pytest.fixture
def sites() -> None:
    """Three sites north of each other, and one far away."""
    with entering("stars"):
        make_site("South", latitude=54, longitude=-3, country="England")
        make_site("Middle", latitude=55, longitude=-3, country="Scotland", summary="By the loch.")
        make_site("North", latitude=57, longitude=-3, country="Scotland")
        make_site(
            "Far", latitude=-43.987, longitude=170.465, time_zone="Pacific/Auckland", country="New Zealand"
        )


def refresh(slug: str, *days: int) -> None:
    with entering("stars"):
        refresh_hours(provider=ClearOn(*days), now=NOW, slug=slug, force=True)


def get(client: Client, path: str, **query: Any) -> Any:
    with time_machine.travel(NOW, tick=False):
        response = client.get(API + path, query)
    assert response.status_code == 200, response.content
    return response.json()


def slugs(client: Client, **query: Any) -> list[str]:
    return [site["slug"] for site in get(client, "/sites", **query)["items"]]


@pytest.mark.usefixtures("sites")
class TestSites:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, ["far", "middle", "north", "south"]),
            ({"near": "54,-3", "sort": "nearest"}, ["south", "middle", "north", "far"]),
            ({"near": "54,-3", "radius_km": 112}, ["middle", "south"]),
            ({"near": "54,-3", "radius_km": 111}, ["south"]),
            ({"near": "-44,-179.9", "radius_km": 800}, ["far"]),  # over the date line
            ({"country": "scotLAND"}, ["middle", "north"]),
            ({"country": "scot"}, []),
            ({"text": "LOCH"}, ["middle"]),
            ({"text": "%"}, []),
            ({"limit": 1, "offset": 1}, ["middle"]),
            ({"offset": 4}, []),
        ],
        ids=str,
    )
    def test_are_found(self, client: Client, query: dict[str, Any], found: list[str]) -> None:
        assert slugs(client, **query) == found

    def test_say_how_far_away_they_are(self, client: Client) -> None:
        items = get(client, "/sites", near="54,-3", sort="nearest", limit=3)["items"]
        # A degree of a meridian is R pi / 180 long.
        assert [item["away_km"] for item in items] == pytest.approx([0, 111.195, 333.585], abs=0.01)
        assert get(client, "/sites")["items"][0]["away_km"] is None

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ({"limit": 0}, ["limit"]),
            ({"limit": 101}, ["limit"]),
            ({"offset": 10**30}, ["offset"]),
            ({"near": "91,0"}, ["near"]),
            ({"near": "0,181"}, ["near"]),
            ({"near": "nan,0"}, ["near"]),
            ({"near": "somewhere"}, ["near"]),
            ({"near": "1,2", "radius_km": 0}, ["radius_km"]),
            ({"near": "1,2", "radius_km": "inf"}, ["radius_km"]),
            ({"radius_km": 5}, ["radius_km"]),
            ({"radius_km": 5, "sort": "nearest"}, ["radius_km", "sort"]),
            ({"sort": "price"}, ["sort"]),
            ({"text": "x" * 81}, ["text"]),
            ({"text": "a\x01b"}, ["text"]),
            ({"country": " "}, ["country"]),
        ],
        ids=str,
    )
    def test_name_each_field_that_is_wrong(
        self, client: Client, query: dict[str, Any], named: list[str]
    ) -> None:
        response = client.get(f"{API}/sites", query)
        assert response.status_code == 422
        assert response.headers["Content-Type"] == "application/problem+json"
        assert [error["name"] for error in response.json()["errors"]] == named

    def test_take_two_statements_however_many_there_are(self, client: Client) -> None:
        with CaptureQueriesContext(connections["stars"]) as queries:
            get(client, "/sites", near="54,-3", radius_km=500)
        assert len(queries) == 2

    def test_one_can_be_looked_at(self, client: Client) -> None:
        site = get(client, "/sites/middle")
        assert (site["name"], site["time_zone"], site["forecast_at"]) == ("Middle", "Europe/London", None)

    @pytest.mark.parametrize("path", ["", "/nights", "/hours", "/history"])
    def test_one_that_there_is_not_is_not_found(self, client: Client, path: str) -> None:
        response = client.get(f"{API}/sites/nowhere{path}")
        assert (response.status_code, response.json()["type"]) == (404, "/problems/site-not-found")
        assert response.json()["detail"].startswith("No site is called 'nowhere'.")

    def test_a_slug_that_cannot_be_is_refused(self, client: Client) -> None:
        response = client.get(f"{API}/sites/Not_A_Slug/nights")
        assert (response.status_code, response.json()["errors"][0]["name"]) == (422, "slug")


@pytest.mark.usefixtures("sites")
class TestNights:
    def test_are_shown_with_their_forecast_as_far_as_it_goes(self, client: Client) -> None:
        refresh("south", 22)
        with CaptureQueriesContext(connections["stars"]) as queries:
            page = get(client, "/sites/south/nights", limit=100)
        assert len(queries) == 4
        assert (page["total"], page["stale"], page["forecast_at"]) == (
            NIGHTS_AHEAD,
            False,
            "2026-11-21T12:20:00Z",
        )
        first, second = page["items"][:2]
        assert (first["night"], first["sunset"][:13], first["dark_from"][:13]) == (
            "2026-11-21",
            "2026-11-21T16",
            "2026-11-21T17",
        )
        assert first["forecast"] == {
            "hours": 24,
            "dark_hours": 12,
            "clear_dark_hours": 0,
            "dark_cloud_pct": 90.0,
            "best_score": first["forecast"]["best_score"],
        }
        assert (second["forecast"]["clear_dark_hours"], second["forecast"]["dark_cloud_pct"]) == (12, 0.0)
        assert [night["forecast"] is None for night in page["items"]] == [False] * 5 + [True] * 30

    def test_begin_with_the_one_that_the_sites_clocks_are_in(self, client: Client) -> None:
        # In New Zealand it is past one in the morning of the 22nd.
        assert get(client, "/sites/far/nights", limit=1)["items"][0]["night"] == "2026-11-21"
        with time_machine.travel(NOW + timedelta(hours=10, minutes=40), tick=False):  # noon there
            page = client.get(f"{API}/sites/far/nights?limit=1").json()
        assert (page["items"][0]["night"], page["total"]) == ("2026-11-22", NIGHTS_AHEAD - 1)

    def test_can_be_paged(self, client: Client) -> None:
        page = get(client, "/sites/south/nights", limit=2, offset=33)
        assert [night["night"] for night in page["items"]] == ["2026-12-24", "2026-12-25"]
        assert get(client, "/sites/south/nights", offset=35)["items"] == []

    def test_without_dark_hours_say_so(self, client: Client) -> None:
        june = NOW.replace(month=6)
        with entering("stars"):
            services.compute_nights(now=june)
        with time_machine.travel(june, tick=False):
            night = client.get(f"{API}/sites/north/nights?limit=1").json()["items"][0]
        assert (night["dark_from"], night["dark_until"], night["moonless_h"]) == (None, None, 0.0)
        assert night["dusk"] is not None

    def test_an_old_forecast_is_stale(self, client: Client) -> None:
        assert get(client, "/sites/south/nights")["stale"]  # never fetched
        refresh("south")
        for hours, stale in ((6, False), (6.1, True)):
            with time_machine.travel(NOW + timedelta(hours=hours), tick=False):
                assert client.get(f"{API}/sites/south/nights").json()["stale"] is stale
                assert client.get(f"{API}/sites/south/hours").json()["stale"] is stale


@pytest.mark.usefixtures("sites")
class TestHours:
    def test_are_those_that_are_not_over(self, client: Client) -> None:
        refresh("south", 21)
        with time_machine.travel(NOW + 2 * HOUR, tick=False):
            page = client.get(f"{API}/sites/south/hours").json()
        assert (page["total"], page["items"][0]["starts_at"]) == (118, "2026-11-21T14:00:00Z")
        assert page["items"][0] | {"sun_altitude_deg": 0, "moon_altitude_deg": 0, "moon_illumination": 0} == {
            "starts_at": "2026-11-21T14:00:00Z",
            "night": "2026-11-21",
            "temp_c": 5.0,
            "humidity_pct": 50.0,
            "wind_kmh": 5.0,
            "cloud_pct": 0.0,
            "dew_spread_c": 9.6,
            "sun_altitude_deg": 0,
            "moon_altitude_deg": 0,
            "moon_illumination": 0,
            "score": 0,
            "clear_dark": False,
        }

    def test_can_be_narrowed_and_paged(self, client: Client) -> None:
        refresh("south", 21, 23)
        page = get(client, "/sites/south/hours", clear_dark=True, night="2026-11-23", limit=2, offset=1)
        assert page["total"] == 12
        assert [hour["starts_at"][11:13] for hour in page["items"]] == ["19", "20"]
        assert get(client, "/sites/south/hours", clear_dark=False, night="2026-11-23")["total"] == 12

    @pytest.mark.parametrize("night", ["soon", "2026-02-30", "1899-12-31", "2101-01-01"])
    def test_name_a_night_that_cannot_be(self, client: Client, night: str) -> None:
        response = client.get(f"{API}/sites/south/hours?night={night}")
        assert (response.status_code, response.json()["errors"][0]["name"]) == (422, "night")


@pytest.mark.usefixtures("sites")
class TestHistory:
    def test_shows_months_beside_what_they_are_usually_like(self, client: Client) -> None:
        refresh("south", 22)
        months = [UsualMonth(month=month, cloud_pct=70, clear_dark_pct=20) for month in (12, 11)]
        with entering("stars"):
            services.load_climatology(slug="south", source="The met office", months=months)
            prune(now=NOW + timedelta(days=30))
        with CaptureQueriesContext(connections["stars"]) as queries:
            history = get(client, "/sites/south/history")
        assert len(queries) == 5
        assert [month["month"] for month in history["usual"]] == [11, 12]
        assert history["usual"][0] == {
            "month": 11,
            "cloud_pct": 70.0,
            "clear_dark_pct": 20.0,
            "source": "The met office",
        }
        assert (history["total"], history["items"]) == (
            1,
            [
                {
                    "month": "2026-11-01",
                    "nights": 5,
                    "good_nights": 1,
                    "hours": 120,
                    "dark_hours": 60,
                    "clear_dark_hours": 12,
                }
            ],
        )

    def test_of_a_new_site_is_empty(self, client: Client) -> None:
        history = get(client, "/sites/far/history")
        assert (history["usual"], history["total"], history["items"]) == ([], 0, [])


@pytest.mark.usefixtures("sites")
class TestBest:
    def test_are_the_sites_with_most_clear_dark_hours_each_with_its_best_night(self, client: Client) -> None:
        refresh("far", 22, 23)
        refresh("south", 22)
        refresh("middle")
        with CaptureQueriesContext(connections["stars"]) as queries:
            best = get(client, "/best", near="54,-3")["items"]
        assert len(queries) == 2
        # November's nights are short in New Zealand.
        assert [(night["slug"], night["night"], night["clear_dark_hours"]) for night in best] == [
            ("south", "2026-11-22", 12),
            ("far", "2026-11-23", 5),
        ]
        assert best[0]["starts_at"] == "2026-11-22T18:00:00Z"
        assert best[0]["away_km"] == 0
        assert best[1]["away_km"] > 15_000
        assert 0 < best[0]["score"] <= 100

    def test_can_be_narrowed_by_place_time_and_number(self, client: Client) -> None:
        refresh("south", 21)
        refresh("north", 23)
        assert [n["slug"] for n in get(client, "/best", near="57,-3", radius_km=10)["items"]] == ["north"]
        assert [n["slug"] for n in get(client, "/best", nights=1)["items"]] == ["south"]
        assert len(get(client, "/best", limit=1)["items"]) == 1
        with time_machine.travel(NOW + timedelta(days=1), tick=False):  # south's hours are over
            assert [n["slug"] for n in client.get(f"{API}/best").json()["items"]] == ["north"]

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ({"radius_km": 5}, "radius_km"),
            ({"nights": 0}, "nights"),
            ({"nights": 10}, "nights"),
            ({"limit": 51}, "limit"),
        ],
        ids=str,
    )
    def test_name_the_field_that_is_wrong(self, client: Client, query: dict[str, Any], named: str) -> None:
        response = client.get(f"{API}/best", query)
        assert (response.status_code, response.json()["errors"][0]["name"]) == (422, named)


class TestSunAndMoon:
    def test_the_sun_of_a_week_anywhere(self, client: Client) -> None:
        answer = get(client, "/sun", place="29,-81", day="2019-03-20", days=7)
        assert (answer["latitude"], answer["longitude"], len(answer["items"])) == (29.0, -81.0, 7)
        first = answer["items"][0]
        # US Naval Observatory: 11:28 and 23:35.
        assert (first["day"], first["sunrise"][:16], first["sunset"][:16]) == (
            "2019-03-20",
            "2019-03-20T11:28",
            "2019-03-20T23:35",
        )

    def test_where_it_stays_down_it_is_never_up(self, client: Client) -> None:
        day = get(client, "/sun", place="80,0", day="2019-12-21")["items"][0]
        assert (day["sunrise"], day["sunset"], day["up_from"], day["up_until"]) == (None,) * 4

    def test_the_moon_of_a_day_and_its_next_quarters(self, client: Client) -> None:
        answer = get(client, "/moon", place="29,-81", day="2019-01-01", days=2)
        first = answer["items"][0]
        assert (first["phase"], first["moonrise"][:16], first["moonset"][:16]) == (
            "waning crescent",
            "2019-01-01T08:12",
            "2019-01-01T19:34",
        )
        # US Naval Observatory, "Phases of the Moon": new moon 2019 January 6, 01:28.
        assert answer["next_quarters"][0]["phase"] == "new moon"
        assert answer["next_quarters"][0]["at"][:16] == "2019-01-06T01:28"
        assert len(answer["next_quarters"]) == 4

    @pytest.mark.parametrize(
        ("place", "day"), [("0,170", "2026-11-21"), ("0,180", "2026-11-22"), ("0,-180", "2026-11-21")]
    )
    def test_today_is_the_places_own(self, client: Client, place: str, day: str) -> None:
        # Twenty past noon in Greenwich: eleven minutes before midnight by mean solar time at 170 degrees east.
        assert get(client, "/sun", place=place)["items"][0]["day"] == day
        assert get(client, "/moon", place=place)["items"][0]["day"] == day

    @pytest.mark.parametrize("path", ["/sun", "/moon"])
    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ({}, "place"),
            ({"place": "90.5,0"}, "place"),
            ({"place": "1,2", "day": "1800-01-01"}, "day"),
            ({"place": "1,2", "days": 32}, "days"),
            ({"place": "1,2", "days": 0}, "days"),
        ],
        ids=str,
    )
    def test_name_the_field_that_is_wrong(self, client: Client, path: str, query: Any, named: str) -> None:
        response = client.get(API + path, query)
        assert (response.status_code, response.json()["errors"][0]["name"]) == (422, named)

    @pytest.mark.parametrize("path", ["/sun", "/moon"])
    def test_the_ends_of_the_calendar_are_computed_too(self, client: Client, path: str) -> None:
        for day in ("1900-01-01", "2100-12-31"):
            assert len(get(client, path, place="90,180", day=day, days=31)["items"]) == 31


@pytest.mark.usefixtures("sites")
class TestCaching:
    PATHS = (
        "/sites",
        "/best",
        "/sites/south",
        "/sites/south/nights",
        "/sites/south/hours",
        "/sites/south/history",
    )

    @pytest.mark.parametrize("path", [*PATHS, "/sun?place=54,-3", "/moon?place=54,-3"])
    def test_an_unchanged_answer_is_not_sent_twice(self, client: Client, path: str) -> None:
        with time_machine.travel(NOW, tick=False):
            first = client.get(API + path)
            assert first.headers["ETag"].startswith('"')
            assert first.headers["Cache-Control"].startswith("public, max-age=0, s-maxage=")
            again = client.get(API + path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize(
        ("path", "statements"),
        [("/sites", 1), ("/best", 1), ("/sites/south", 1), ("/sites/south/nights", 2), ("/sun?place=1,2", 0)],
    )
    def test_a_304_costs_little(self, client: Client, path: str, statements: int) -> None:
        with time_machine.travel(NOW, tick=False):
            etag = client.get(API + path).headers["ETag"]
            with CaptureQueriesContext(connections["stars"]) as queries:
                assert client.get(API + path, headers={"If-None-Match": etag}).status_code == 304
        assert len(queries) == statements

    def changed_by(self, client: Client, change: Any) -> set[str]:
        with time_machine.travel(NOW, tick=False):
            before = {path: client.get(API + path).headers["ETag"] for path in self.PATHS}
        with entering("stars"):
            change()
        with time_machine.travel(NOW, tick=False):
            after = {path: client.get(API + path).headers.get("ETag", "") for path in self.PATHS}
        return {path.removeprefix("/sites/") for path in before if before[path] != after[path]}

    def test_an_edit_changes_the_lists_and_the_site(self, client: Client) -> None:
        def change() -> None:
            services.edit_site(slug="south", country="Wales")

        assert self.changed_by(client, change) == {"/sites", "/best", "south"}

    def test_a_deletion_changes_the_lists_although_nothing_is_newer(self, client: Client) -> None:
        def change() -> None:
            Site.objects.filter(slug="middle").delete()  # stored before the newest one

        assert self.changed_by(client, change) == {"/sites", "/best"}

    def test_a_refresh_changes_what_shows_the_forecast(self, client: Client) -> None:
        def change() -> None:
            refresh_hours(provider=ClearOn(21), now=NOW, slug="south")

        assert self.changed_by(client, change) == {"/sites", "/best", "south", "south/nights", "south/hours"}

    def test_a_removed_hour_changes_the_hours(self, client: Client) -> None:
        refresh("south", 21)

        def change() -> None:
            SiteHour.objects.filter(starts_at__gt=NOW)[:1].get().delete()

        assert self.changed_by(client, change) == {"south/hours"}

    def test_a_removed_night_changes_the_nights(self, client: Client) -> None:
        def change() -> None:
            NightTable.objects.filter(site__slug="south", night=date(2026, 12, 1)).delete()

        assert self.changed_by(client, change) == {"south/nights"}

    def test_climatology_and_pruning_change_the_history(self, client: Client) -> None:
        def load() -> None:
            month = UsualMonth(month=1, cloud_pct=1, clear_dark_pct=1)
            services.load_climatology(slug="south", source="x", months=[month])

        assert self.changed_by(client, load) == {"south/history"}
        refresh("south", 21)
        assert "south/history" in self.changed_by(client, lambda: prune(now=NOW + timedelta(days=30)))

    @pytest.mark.parametrize(
        ("path", "depends"),
        [
            ("/best", True),
            ("/sites/south/nights", True),
            ("/sites/south/hours", True),
            ("/sites", False),
            ("/sites/south", False),
            ("/sun?place=1,2", False),
        ],
    )
    def test_the_hour_changes_what_depends_on_it(self, client: Client, path: str, depends: bool) -> None:
        seen = set()
        for minutes in (0, 10, 60):
            with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
                seen.add(client.get(API + path).headers["ETag"])
        assert len(seen) == (2 if depends else 1)

    def test_another_day_is_another_sun(self, client: Client) -> None:
        tomorrow = NOW + timedelta(days=1)
        etags = set()
        for now in (NOW, tomorrow):
            with time_machine.travel(now, tick=False):
                etags.add(client.get(f"{API}/sun?place=1,2").headers["ETag"])
        assert len(etags) == 2
