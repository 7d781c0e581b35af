"""What staff may do, over HTTP, and that nobody else may."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.stars.forecast.fixture import FixtureForecast
from apps.stars.models import NightTable, Site, SiteHour
from apps.stars.refresh import refresh_hours
from apps.stars.services import NIGHTS_AHEAD
from monolith import entering
from monolith.models import Job
from tests.apps.stars.sites import NOW, make_site

pytestmark = pytest.mark.django_db(databases="__all__")

API = "/api/stars"
KIELDER = {"name": "Kielder", "latitude": 55.232, "longitude": -2.616, "time_zone": "Europe/London"}


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("keeper", "keeper@example.org", "secret"))
    return client


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(API + path, body, content_type="application/json")


def test_a_site_is_added_with_its_nights_and_everyone_sees_it(staff: Client) -> None:
    answer = send(staff, "post", "/catalogue", KIELDER | {"country": "England", "elevation_m": 370})
    assert answer.status_code == 201
    assert (answer.json()["slug"], answer.json()["last_forecast"]) == ("kielder", None)
    assert staff.get(f"{API}/sites/kielder").json()["country"] == "England"
    assert staff.get(f"{API}/sites/kielder/nights").json()["total"] == NIGHTS_AHEAD


def test_the_same_name_again_is_a_conflict_that_names_the_site(staff: Client) -> None:
    send(staff, "post", "/catalogue", KIELDER)
    answer = send(staff, "post", "/catalogue", KIELDER)
    assert answer.status_code == 409
    assert (answer.json()["type"], answer.json()["slug"]) == ("/problems/site-exists", "kielder")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": "a\0b"}, "#/name"),
        ({"latitude": 91}, "#/latitude"),
        ({"longitude": "east"}, "#/longitude"),
        ({"elevation_m": 9001}, "#/elevation_m"),
        ({"time_zone": "Mars/Base"}, "#/time_zone"),
        ({"time_zone": ""}, "#/time_zone"),
        ({"summary": "a\0b"}, "#/summary"),
        ({"slug": "mine"}, "#/slug"),
    ],
    ids=str,
)
def test_a_site_that_cannot_be_is_refused_by_its_field(staff: Client, change: Any, pointer: str) -> None:
    answer = send(staff, "post", "/catalogue", KIELDER | change)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_an_edit_changes_what_is_sent(staff: Client) -> None:
    send(staff, "post", "/catalogue", KIELDER)
    answer = send(staff, "patch", "/catalogue/kielder", {"summary": "Dark.\nReally.", "country": "England"})
    assert (answer.status_code, answer.json()["summary"], answer.json()["name"]) == (
        200,
        "Dark.\nReally.",
        "Kielder",
    )


@pytest.mark.parametrize(
    "change", [{"latitude": 1}, {"time_zone": "UTC"}, {"name": None}, {"name": ""}], ids=str
)
def test_a_site_does_not_move_and_keeps_a_name(staff: Client, change: Any) -> None:
    send(staff, "post", "/catalogue", KIELDER)
    answer = send(staff, "patch", "/catalogue/kielder", change)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"#/{next(iter(change))}"]


def test_climatology_is_loaded_and_everyone_sees_it(staff: Client) -> None:
    send(staff, "post", "/catalogue", KIELDER)
    months: list[dict[str, Any]] = [
        {"month": 1, "cloud_pct": 71.5, "clear_dark_pct": 22},
        {"month": 2, "cloud_pct": 70, "clear_dark_pct": 24},
    ]
    body = {"source": "A yearbook", "months": months}
    answer = send(staff, "put", "/catalogue/kielder/climatology", body)
    assert answer.status_code == 200
    assert answer.json() == [month | {"source": "A yearbook"} for month in months]
    assert staff.get(f"{API}/sites/kielder/history").json()["usual"] == answer.json()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"source": "x", "months": []}, "#/months"),
        ({"source": "", "months": [{"month": 1, "cloud_pct": 1, "clear_dark_pct": 1}]}, "#/source"),
        ({"source": "x", "months": [{"month": 13, "cloud_pct": 1, "clear_dark_pct": 1}]}, "#/months/0/month"),
        (
            {"source": "x", "months": [{"month": 1, "cloud_pct": 101, "clear_dark_pct": 1}]},
            "#/months/0/cloud_pct",
        ),
        ({"source": "x", "months": [{"month": 1, "cloud_pct": 1, "clear_dark_pct": 1}] * 2}, "#/months"),
    ],
    ids=["none", "no source", "month 13", "much cloud", "twice"],
)
def test_climatology_that_cannot_be_is_refused_by_its_field(staff: Client, body: Any, pointer: str) -> None:
    send(staff, "post", "/catalogue", KIELDER)
    answer = send(staff, "put", "/catalogue/kielder/climatology", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_refresh_stores_hours_and_the_catalogue_says_how_it_went(staff: Client) -> None:
    send(staff, "post", "/catalogue", KIELDER)
    answer = send(staff, "post", "/refresh", {"slug": "kielder"})
    assert answer.json() == {"provider": "fixture", "outcomes": {"fetched": 1}, "hours": 192, "problems": {}}
    again = send(staff, "post", "/refresh", {"slug": "kielder"})
    assert again.json()["outcomes"] == {"current": 1}
    page = staff.get(f"{API}/catalogue?limit=1").json()
    assert (page["total"], page["items"][0]["last_forecast"]["status"]) == (1, "fetched")


def test_a_refresh_of_all_sites_is_left_to_one_job(staff: Client) -> None:
    answer = send(staff, "post", "/refresh", {"force": True})
    again = send(staff, "post", "/refresh", {"force": True})

    assert (answer.status_code, again.json()) == (202, answer.json())
    with entering("stars"):
        job = Job.objects.get()
    assert answer.json() == {"job": f"stars/{job.pk}"}
    assert (job.task, job.arguments) == ("apps.stars.tasks.refresh", {"args": [], "kwargs": {"force": True}})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "/catalogue/nowhere", {"name": "x"}),
        (
            "put",
            "/catalogue/nowhere/climatology",
            {"source": "x", "months": [{"month": 1, "cloud_pct": 1, "clear_dark_pct": 1}]},
        ),
        ("post", "/refresh", {"slug": "nowhere"}),
    ],
)
def test_an_unknown_site_is_not_found(staff: Client, method: str, path: str, body: Any) -> None:
    answer = send(staff, method, path, body)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/site-not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/catalogue"),
        ("post", "/catalogue"),
        ("patch", "/catalogue/a"),
        ("put", "/catalogue/a/climatology"),
        ("post", "/refresh"),
    ],
)
@pytest.mark.parametrize("who", ["nobody", "a user who is not staff"])
def test_only_staff_may(client: Client, method: str, path: str, who: str) -> None:
    if who != "nobody":
        client.force_login(User.objects.create_user("stargazer"))
    answer = getattr(client, method)(API + path, data=b"", content_type="application/json")
    assert answer.status_code in {401, 403}
    with entering("stars"):
        assert not Site.objects.exists()


class TestAdmin:
    def form(self, **changes: Any) -> dict[str, Any]:
        return KIELDER | {"slug": "kielder", "country": "", "summary": "", "elevation_m": 370} | changes

    def test_a_site_can_be_added_and_has_its_nights(self, staff: Client) -> None:
        assert staff.post("/admin/stars/site/add/", self.form()).status_code == 302
        with entering("stars"):
            assert NightTable.objects.filter(site__slug="kielder").count() == NIGHTS_AHEAD

    def test_a_time_zone_that_there_is_not_is_refused(self, staff: Client) -> None:
        answer = staff.post("/admin/stars/site/add/", self.form(time_zone="Mars/Base"))
        assert answer.status_code == 200
        assert b"No time zone is called" in answer.content

    def test_a_site_can_be_found_and_edited_but_not_moved(self, staff: Client) -> None:
        with entering("stars"):
            site = make_site()
        listing = staff.get("/admin/stars/site/?q=kiel")
        assert b"Europe/London" in listing.content
        page = f"/admin/stars/site/{site.pk}/change/"
        assert staff.get(page).status_code == 200
        assert staff.post(page, self.form(name="Kielder Observatory", latitude=1)).status_code == 302
        with entering("stars"):
            site.refresh_from_db()
        assert (site.name, site.latitude) == ("Kielder Observatory", 55.232)

    def test_a_site_goes_with_all_that_hangs_on_it(self, staff: Client) -> None:
        with entering("stars"):
            site = make_site()
            refresh_hours(provider=FixtureForecast(), now=NOW)
        assert staff.post(f"/admin/stars/site/{site.pk}/delete/", {"post": "yes"}).status_code == 302
        with entering("stars"):
            assert not SiteHour.objects.exists()

    @pytest.mark.parametrize(
        "model", ["sitehour", "nighttable", "siteforecast", "sitemonthstat", "sitemonthclimatology"]
    )
    def test_what_jobs_write_can_be_looked_at_only(self, staff: Client, model: str) -> None:
        with entering("stars"):
            make_site()
            refresh_hours(provider=FixtureForecast(), now=NOW)
        assert staff.get(f"/admin/stars/{model}/?q=kielder").status_code == 200
        assert staff.get(f"/admin/stars/{model}/add/").status_code == 403
