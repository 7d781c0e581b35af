"""What staff may do, over HTTP, and that nobody else may."""

import io
import zipfile
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from apps.knowledge import gaps
from apps.knowledge.models import Note, SearchAudit
from monolith import entering
from monolith.contracts import forget_decisions
from monolith.http.api import api_of
from monolith.profile import Profile

pytestmark = pytest.mark.django_db(databases="__all__")

API: Final = "/api/knowledge"
VAULT: Final = f"{API}/vault"
JSON: Final = "application/json"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("keeper", "keeper@example.org", "secret"))
    return client


@pytest.fixture
def granted() -> Any:
    """Let every user publish."""
    forget_decisions()
    with entering("compliance"):
        compliance.make_rule(
            Rule(action="knowledge.publish", right="knowledge.publish", reason="test"), by="command:test"
        )
        compliance.make_grant(
            Grant(subject="user:*", right="knowledge.publish", reason="test"), by="command:test"
        )
    yield
    forget_decisions()


def write(client: Client, title: str, body: str = "", **fields: Any) -> Any:
    answer = client.post(f"{VAULT}/notes", {"title": title, "body": body, **fields}, JSON)
    assert answer.status_code == 201, answer.content
    return answer.json()


def archive(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for name, text in files.items():
            packed.writestr(f"{name}.md", text)
    return data.getvalue()


def test_a_note_is_written_private_and_read_back(staff: Client) -> None:
    written = write(
        staff,
        "The Relay",
        "See [[Outbox]].",
        tags=["Events"],
        aliases=["Mover"],
        observed_at="2026-05-01T12:00:00+02:00",
    )
    assert (written["slug"], written["visibility"], written["revision"]) == ("the-relay", "private", 1)
    read = staff.get(f"{VAULT}/notes/the-relay").json()
    assert read == written
    assert read["links"] == [{"target": "Outbox", "kind": "link", "slug": None, "title": None}]
    assert (read["tags"], read["aliases"]) == (["events"], ["Mover"])
    assert read["observed_at"] == "2026-05-01T10:00:00Z"
    assert staff.get(f"{API}/notes/the-relay").status_code == 404


def test_a_slug_that_is_taken_is_a_conflict(staff: Client) -> None:
    write(staff, "The Relay")
    answer = staff.post(f"{VAULT}/notes", {"title": "Other", "slug": "the-relay"}, JSON)
    assert (answer.status_code, answer.json()["type"], answer.json()["slug"]) == (
        409,
        "/problems/note-exists",
        "the-relay",
    )


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({}, "#/title"),
        ({"title": ""}, "#/title"),
        ({"title": "x" * 201}, "#/title"),
        ({"title": "\u200b"}, "#/title"),
        ({"title": "x", "slug": "Not A Slug"}, "#/slug"),
        ({"title": "富士山"}, "#/slug"),
        ({"title": "x", "body": "a\x00b"}, "#/body"),
        ({"title": "x", "body": "[[a]] " * 1001}, "#/body"),
        ({"title": "x", "body": "# a\nb\n" * 501}, "#/body"),
        ({"title": "x", "tags": ["y" * 61]}, "#/tags/0"),
        ({"title": "x", "observed_at": "2026-05-01T12:00:00"}, "#/observed_at"),
        ({"title": "x", "visibility": "public"}, "#/visibility"),
    ],
    ids=str,
)
def test_what_is_no_note_is_refused_by_field(staff: Client, sent: dict[str, Any], pointer: str) -> None:
    answer = staff.post(f"{VAULT}/notes", sent, JSON)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_an_edit_counts_and_one_on_an_older_revision_is_refused(staff: Client) -> None:
    write(staff, "The Relay", "one")
    path = f"{VAULT}/notes/the-relay"
    edited = staff.patch(path, {"revision": 1, "body": "two", "verification": "verified"}, JSON).json()
    assert (edited["revision"], edited["body"], edited["verification"]) == (2, "two", "verified")
    assert edited["html"] == "<p>two</p>\n"
    answer = staff.patch(path, {"revision": 1, "body": "three"}, JSON)
    assert (answer.status_code, answer.json()["type"], answer.json()["current"]) == (
        409,
        "/problems/revision-conflict",
        2,
    )
    assert staff.get(path).json()["body"] == "two"


def test_an_edit_that_changes_nothing_is_none(staff: Client) -> None:
    written = write(staff, "The Relay", "one", observed_at="2026-05-01T12:00:00Z")
    path = f"{VAULT}/notes/the-relay"
    assert staff.patch(path, {"revision": 1, "title": "The Relay", "body": "one"}, JSON).json() == written
    cleared = staff.patch(path, {"revision": 1, "observed_at": None}, JSON).json()
    assert (cleared["revision"], cleared["observed_at"]) == (2, None)


def test_a_removed_note_leaves_its_links_dangling(staff: Client) -> None:
    write(staff, "Outbox")
    write(staff, "Relay", "[[Outbox]]")
    assert staff.get(f"{VAULT}/notes/outbox").json()["backlinks"][0]["slug"] == "relay"
    assert staff.delete(f"{VAULT}/notes/outbox?revision=2").status_code == 409
    assert staff.delete(f"{VAULT}/notes/outbox").status_code == 422
    assert staff.delete(f"{VAULT}/notes/outbox?revision=1").status_code == 204
    assert staff.get(f"{VAULT}/notes/relay").json()["links"][0]["slug"] is None


def test_publishing_without_a_grant_is_refused_and_says_what_is_missing(staff: Client) -> None:
    forget_decisions()
    write(staff, "The Relay")
    answer = staff.post(f"{VAULT}/notes/the-relay/publish")
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/publishing-refused")
    assert len(answer.json()["missing"]) == 1
    assert staff.get(f"{API}/notes/the-relay").status_code == 404


@pytest.mark.usefixtures("granted")
def test_publishing_with_a_grant_shows_the_note_and_retiring_hides_it(staff: Client) -> None:
    write(staff, "The Relay")
    assert staff.post(f"{VAULT}/notes/the-relay/publish").json()["visibility"] == "public"
    assert staff.get(f"{API}/notes/the-relay").status_code == 200
    assert staff.post(f"{VAULT}/notes/the-relay/retire").json()["visibility"] == "private"
    assert staff.get(f"{API}/notes/the-relay").status_code == 404


def test_an_archive_is_imported_and_again_changes_nothing(staff: Client) -> None:
    data = archive(one="# One\n[[two]]", two="---\nvisibility: public\n---\nTwo", bad="---\na: [\n---\n")
    report = staff.post(f"{VAULT}/import", data, "application/zip").json()
    assert (report["created"], report["to_publish"]) == (["one", "two"], ["two"])
    assert list(report["skipped"]) == ["bad.md"]
    again = staff.post(f"{VAULT}/import", data, "application/zip").json()
    assert (again["created"], again["unchanged"]) == ([], ["one", "two"])
    assert staff.get(f"{VAULT}/notes?text=One").json()["items"][0]["revision"] == 1


@pytest.mark.parametrize(
    "data", [b"", b"no archive", archive(one="x")[:40]], ids=["empty", "text", "cut short"]
)
def test_what_is_no_archive_is_refused(staff: Client, data: bytes) -> None:
    answer = staff.post(f"{VAULT}/import", data, "application/zip")
    assert answer.status_code == 422
    assert "no zip archive" in answer.json()["detail"]


def test_a_search_finds_private_notes_and_is_on_record(staff: Client) -> None:
    write(staff, "The Relay", "It moves rows to the broker.")
    found = staff.get(f"{VAULT}/search?q=what moves rows").json()
    assert [hit["slug"] for hit in found["items"]] == ["the-relay"]
    records = staff.get(f"{VAULT}/searches").json()["items"]
    assert [(record["query"], record["found"]) for record in records] == [("what moves rows", 1)]


def test_the_whole_graph_shows_private_notes(staff: Client) -> None:
    write(staff, "Outbox")
    write(staff, "Relay", "[[empties::Outbox]] and [[nowhere]]")
    graph = staff.get(f"{VAULT}/graph").json()
    assert [node["slug"] for node in graph["nodes"]] == ["outbox", "relay"]
    assert graph["edges"] == [{"source": "relay", "target": "outbox", "kind": "empties"}]
    assert staff.get(f"{API}/graph").json()["nodes"] == []


def test_a_gap_is_reviewed(staff: Client) -> None:
    write(staff, "Relay", "[[Größe (m²)]]")
    with entering("knowledge"):
        gaps.discover_gaps(now=timezone.now())
    gap = staff.get(f"{VAULT}/gaps?status=open").json()["items"][0]
    assert (gap["term"], gap["mentions"]) == ("Größe (m²)", 1)
    path = f"{VAULT}/gaps/{gap['key']}/review"
    answer = staff.post(path, {"decision": "dismissed", "comment": "no"}, JSON).json()
    assert (answer["status"], answer["comment"]) == ("dismissed", "no")
    assert staff.post(path, {"decision": "open"}, JSON).status_code == 422
    assert staff.post(f"{VAULT}/gaps/nowhere/review", {"decision": "accepted"}, JSON).status_code == 404


def test_raw_input_is_kept_once_and_used(staff: Client) -> None:
    first = staff.post(f"{VAULT}/raw", {"text": "heard today", "origin": "a call"}, JSON).json()
    again = staff.post(f"{VAULT}/raw", {"text": "heard today"}, JSON).json()
    assert (first["is_new"], again) == (True, {"sha256": first["sha256"], "is_new": False})
    assert staff.get(f"{VAULT}/raw/{first['sha256']}").json()["content"] == "heard today"
    write(staff, "Relay")
    used = staff.post(f"{VAULT}/raw/{first['sha256']}/use", {"slug": "relay"}, JSON).json()
    assert used["status"] == "used"
    assert staff.get(f"{VAULT}/raw?status=waiting").json()["total"] == 0
    assert staff.post(f"{VAULT}/raw/{first['sha256']}/discard").json()["status"] == "discarded"


def test_a_disputed_note_says_so_until_it_is_settled(staff: Client) -> None:
    write(staff, "Relay", "It is fast.")
    dispute = staff.post(
        f"{VAULT}/disputes", {"slug": "relay", "claim": "It is fast.", "reason": "No."}, JSON
    ).json()
    assert (dispute["slug"], dispute["revision"], dispute["status"]) == ("relay", 1, "open")
    assert staff.get(f"{VAULT}/notes/relay").json()["verification"] == "disputed"
    path = f"{VAULT}/disputes/{dispute['id']}/settle"
    assert staff.post(path, {"outcome": "upheld"}, JSON).json()["status"] == "upheld"
    assert staff.post(path, {"outcome": "rejected"}, JSON).status_code == 409
    assert staff.get(f"{VAULT}/notes/relay").json()["verification"] == "unverified"
    assert staff.get(f"{VAULT}/disputes?slug=relay&status=upheld").json()["total"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("get", "/notes/nowhere", None, "note-not-found"),
        ("patch", "/notes/nowhere", {"revision": 1}, "note-not-found"),
        ("delete", "/notes/nowhere?revision=1", None, "note-not-found"),
        ("post", "/notes/nowhere/publish", None, "note-not-found"),
        ("post", "/notes/nowhere/retire", None, "note-not-found"),
        ("post", "/disputes", {"slug": "nowhere", "claim": "a", "reason": "b"}, "note-not-found"),
        ("get", f"/raw/{'0' * 64}", None, "raw-input-not-found"),
        ("post", f"/raw/{'0' * 64}/use", {"slug": "nowhere"}, "note-not-found"),
        ("post", f"/raw/{'0' * 64}/discard", None, "raw-input-not-found"),
        ("post", "/disputes/1/settle", {"outcome": "upheld"}, "dispute-not-found"),
    ],
)
def test_what_is_not_there_is_not_found(
    staff: Client, method: str, path: str, body: Any, problem: str
) -> None:
    answer = getattr(staff, method)(VAULT + path, body, content_type=JSON)
    assert (answer.status_code, answer.json()["type"]) == (404, f"/problems/{problem}")


def private_routes() -> list[tuple[str, str]]:
    return [
        (method.lower(), f"/api/{route}".replace("<str:", "<").replace("<", "{").replace(">", "}"))
        for route, operations in api_of(Profile.PRIVATE).path_views()
        for operation in operations
        for method in operation.methods
        if route.startswith("knowledge/vault/") and method != "HEAD"
    ]


@pytest.mark.parametrize("who", ["nobody", "a user who is not staff"])
def test_only_staff_may(client: Client, who: str) -> None:
    if who != "nobody":
        client.force_login(User.objects.create_user("reader"))
    routes = private_routes()
    assert len(routes) >= 20
    for method, path in routes:
        filled = path.replace("{slug}", "a").replace("{key}", "a").replace("{sha256}", "0" * 64)
        filled = filled.replace("{int:number}", "1").replace("{number}", "1")
        answer = getattr(client, method)(filled, data=b"" if method != "get" else None, content_type=JSON)
        assert answer.status_code in {401, 403}, (method, filled)
    with entering("knowledge"):
        assert not Note.objects.exists()
        assert not SearchAudit.objects.exists()
