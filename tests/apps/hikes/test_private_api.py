"""What staff may do, over HTTP, and that nobody else may."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.hikes.geometry import Point
from apps.hikes.gpx import MAX_GPX_BYTES, write_gpx
from apps.hikes.models import Walk, Window
from monolith import entering
from monolith.models import Job

pytestmark = pytest.mark.django_db(databases="__all__")

API = "/api/hikes"
FILE = write_gpx(
    name="Over the hill", description="", points=[Point(-3, 54, 100), Point(-3, 54.05, 400)], keywords="Dales"
)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("keeper", "keeper@example.org", "secret"))
    return client


def upload(client: Client, data: bytes = FILE, query: str = "") -> Any:
    return client.post(f"{API}/uploads{query}", data=data, content_type="application/gpx+xml")


def test_a_file_becomes_a_draft_then_public_then_retired(staff: Client) -> None:
    answer = upload(staff)
    assert answer.status_code == 201
    walk = answer.json()
    assert (walk["slug"], walk["published"], walk["region"]) == ("over-the-hill", False, "Dales")
    assert "gpx" not in walk
    path = f"{API}/uploads/over-the-hill"
    assert staff.get(f"{API}/walks/over-the-hill").status_code == 404
    assert staff.post(f"{path}/publish").json()["published"]
    assert staff.get(f"{API}/walks/over-the-hill").status_code == 200
    assert not staff.post(f"{path}/retire").json()["published"]
    assert staff.get(f"{API}/walks/over-the-hill").status_code == 404


def test_a_form_with_a_file_is_an_upload_too(staff: Client) -> None:
    form = {"file": SimpleUploadedFile("walk.gpx", FILE)}
    answer = staff.post(f"{API}/uploads?name=My%20walk&region=Here", form)
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["region"]) == ("My walk", "Here")


def test_the_same_file_again_is_a_conflict_that_names_the_walk(staff: Client) -> None:
    upload(staff)
    answer = upload(staff)
    assert answer.status_code == 409
    assert (answer.json()["type"], answer.json()["slug"]) == ("/problems/walk-exists", "over-the-hill")


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"", 422, "empty"),
        (b"<gpx>", 422, "not XML|expected gpx"),
        (b'<!DOCTYPE gpx [<!ENTITY a "b">]><gpx/>', 422, "DTD"),
        (b"\x00" * 10, 422, "not XML|empty"),
        (FILE + b" " * MAX_GPX_BYTES, 422, "at most 5242880"),
        (FILE + b" " * (MAX_GPX_BYTES + 100_000), 413, "at most"),
    ],
    ids=["empty", "no gpx", "entity", "zeros", "large", "huge"],
)
def test_what_is_no_walk_is_refused_with_the_reason(
    staff: Client, data: bytes, status: int, reason: str
) -> None:
    answer = upload(staff, data)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert any(word in answer.json()["detail"] for word in reason.split("|"))


def test_a_form_without_a_file_or_that_is_broken_is_refused(staff: Client) -> None:
    answer = staff.post(f"{API}/uploads", {"other": "field"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/gpx-refused")
    broken = staff.post(f"{API}/uploads", data=b"xx", content_type="multipart/form-data")
    assert broken.status_code == 400


def test_an_edit_changes_what_is_sent(staff: Client) -> None:
    upload(staff)
    answer = staff.patch(
        f"{API}/uploads/over-the-hill",
        {"summary": "Fine.\nReally.", "difficulty": "easy"},
        "application/json",
    )
    assert answer.status_code == 200
    assert (answer.json()["summary"], answer.json()["difficulty"]) == ("Fine.\nReally.", "easy")
    assert answer.json()["name"] == "Over the hill"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ('{"name": ""}', "#/name"),
        ('{"name": null}', "#/name"),
        ('{"name": "a\\u0000b"}', "#/name"),
        ('{"name": "\\ud800"}', "#/name"),
        ('{"summary": "a\\u0000b"}', "#/summary"),
        ('{"difficulty": "hard"}', "#/difficulty"),
        ('{"published": true}', "#/published"),
        ('{"distance_km": 1}', "#/distance_km"),
    ],
)
def test_an_edit_that_is_not_valid_names_the_field(staff: Client, change: str, pointer: str) -> None:
    upload(staff)
    answer = staff.patch(f"{API}/uploads/over-the-hill", change, "application/json")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "/uploads/nowhere", {"name": "x"}),
        ("post", "/uploads/nowhere/publish", None),
        ("post", "/uploads/nowhere/retire", None),
        ("post", "/refresh", {"slug": "nowhere"}),
    ],
)
def test_an_unknown_walk_is_not_found(staff: Client, method: str, path: str, body: Any) -> None:
    answer = getattr(staff, method)(API + path, body, content_type="application/json")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/walk-not-found")


def test_a_draft_has_no_forecast_to_refresh(staff: Client) -> None:
    upload(staff)
    answer = staff.post(f"{API}/refresh", {"slug": "over-the-hill"}, "application/json")
    assert answer.status_code == 404
    assert "only published walks have forecasts" in answer.json()["detail"]


def test_drafts_are_listed_for_staff(staff: Client) -> None:
    upload(staff)
    page = staff.get(f"{API}/uploads?limit=1").json()
    assert (page["total"], page["items"][0]["slug"]) == (1, "over-the-hill")
    assert staff.get(f"{API}/uploads?published=true").json()["total"] == 0


def test_a_refresh_stores_windows_and_says_so(staff: Client) -> None:
    upload(staff)
    staff.post(f"{API}/uploads/over-the-hill/publish")
    answer = staff.post(f"{API}/refresh", {"slug": "over-the-hill"}, "application/json")
    assert answer.json() == {
        "provider": "fixture",
        "outcomes": {"fetched": 1},
        "windows": 192,
        "problems": {},
    }
    again = staff.post(f"{API}/refresh", {"slug": "over-the-hill"}, "application/json")
    assert again.json()["outcomes"] == {"current": 1}


def test_a_refresh_of_all_walks_is_left_to_one_job(staff: Client) -> None:
    answer = staff.post(f"{API}/refresh", {"force": True}, "application/json")
    again = staff.post(f"{API}/refresh", {"force": True}, "application/json")

    assert (answer.status_code, again.json()) == (202, answer.json())
    with entering("hikes"):
        job = Job.objects.get()
    assert answer.json() == {"job": f"hikes/{job.pk}"}
    assert (job.task, job.arguments) == ("apps.hikes.tasks.refresh", {"args": [], "kwargs": {"force": True}})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/uploads"),
        ("post", "/uploads"),
        ("patch", "/uploads/a"),
        ("post", "/uploads/a/publish"),
        ("post", "/uploads/a/retire"),
        ("post", "/refresh"),
    ],
)
@pytest.mark.parametrize("who", ["nobody", "a user who is not staff"])
def test_only_staff_may(client: Client, method: str, path: str, who: str) -> None:
    if who != "nobody":
        client.force_login(User.objects.create_user("walker"))
    answer = getattr(client, method)(API + path, data=b"", content_type="application/json")
    assert answer.status_code in {401, 403}
    with entering("hikes"):
        assert not Walk.objects.exists()


class TestAdmin:
    def test_walks_can_be_found_edited_and_published(self, staff: Client) -> None:
        walk = upload(staff).json()
        listing = staff.get("/admin/hikes/walk/?q=hill&published__exact=0")
        assert listing.status_code == 200
        assert b"Over the hill" in listing.content
        page = f"/admin/hikes/walk/{walk['id']}/change/"
        assert b"SHA-256" in staff.get(page).content
        form = {"name": "New name", "slug": walk["slug"], "region": "", "summary": "", "difficulty": "easy"}
        assert staff.post(page, form).status_code == 302
        action = {"action": "publish", "_selected_action": [walk["id"]]}
        assert staff.post("/admin/hikes/walk/", action).status_code == 302
        public = staff.get(f"{API}/walks/over-the-hill").json()
        assert (public["name"], public["distance_km"]) == ("New name", walk["distance_km"])
        action = {"action": "retire", "_selected_action": [walk["id"]]}
        assert staff.post("/admin/hikes/walk/", action).status_code == 302
        assert staff.get(f"{API}/walks/over-the-hill").status_code == 404

    def test_a_walk_goes_with_all_that_hangs_on_it(self, staff: Client) -> None:
        walk = upload(staff).json()
        staff.post(f"{API}/uploads/{walk['slug']}/publish")
        staff.post(f"{API}/refresh", {"slug": walk["slug"]}, "application/json")
        assert staff.post(f"/admin/hikes/walk/{walk['id']}/delete/", {"post": "yes"}).status_code == 302
        with entering("hikes"):
            assert not Walk.objects.exists()
            assert not Window.objects.exists()

    @pytest.mark.parametrize("model", ["window", "forecastfetch"])
    def test_what_jobs_write_can_be_looked_at_and_not_made(self, staff: Client, model: str) -> None:
        walk = upload(staff).json()
        staff.post(f"{API}/uploads/{walk['slug']}/publish")
        staff.post(f"{API}/refresh", {"slug": walk["slug"]}, "application/json")
        listing = staff.get(f"/admin/hikes/{model}/?q=hill")
        assert listing.status_code == 200
        assert b"Over the hill" in listing.content
        assert staff.get(f"/admin/hikes/{model}/add/").status_code == 403
