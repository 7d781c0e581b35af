"""What everyone may ask, over HTTP, and that it tells nothing of private notes."""

import re
from typing import Any, Final
from xml.etree import ElementTree

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.knowledge import layout, services
from apps.knowledge.content import content_of
from apps.knowledge.models import Note
from monolith import entering

pytestmark = pytest.mark.django_db(databases="__all__")

API: Final = "/api/knowledge"
READS: Final = ["notes", "notes/relay", "graph", "search?q=what moves rows", "sitemap.xml"]


def write(title: str, body: str = "", *, public: bool = True, **fields: Any) -> Note:
    with entering("knowledge"):
        note = services.create_note(content=content_of(title=title, body=body, **fields))
        return services.show_note(slug=note.slug) if public else note


@pytest.fixture
def wiki() -> None:
    write(
        "Relay",
        "# Relay\n\nIt moves rows from the [[outbox::Outbox#Rows|table]] to [[Broker]].\n\n## Plan\n\nSee [[Plan]].",
        tags=["events"],
        aliases=["Mover"],
    )
    write("Outbox", "## Rows\n\nThey wait for the [[Mover]].", tags=["events"])
    write("Lease", "Held by a worker.")
    write("Plan", "What moves rows will be sold. [[Relay]] [[Outbox]]", public=False, tags=["events"])


def get(client: Client, path: str, **headers: str) -> Any:
    answer = client.get(f"{API}/{path}", headers=headers)
    assert answer.status_code == 200, answer.content
    return answer


@pytest.mark.usefixtures("wiki")
def test_a_note_is_html_with_its_neighbours(client: Client) -> None:
    note = get(client, "notes/relay").json()
    assert (note["title"], note["tags"], note["verification"]) == ("Relay", ["events"], "unverified")
    assert '<a href="outbox#section-rows" rel="noopener noreferrer nofollow">table</a>' in note["html"]
    assert note["links"] == [{"slug": "outbox", "title": "Outbox", "kind": "outbox"}]
    assert note["backlinks"] == [{"slug": "outbox", "title": "Outbox", "kind": "link"}]
    assert not {"id", "revision", "visibility", "body", "content_hash"} & note.keys()


@pytest.mark.usefixtures("wiki")
def test_a_link_to_a_private_note_is_text_like_one_that_dangles(client: Client) -> None:
    html = get(client, "notes/relay").json()["html"]
    assert "to Broker.</p>" in html  # no such note
    assert "See Plan.</p>" in html  # private


@pytest.mark.usefixtures("wiki")
def test_a_private_note_is_not_found_like_one_that_never_was(client: Client) -> None:
    private, absent = (client.get(f"{API}/notes/{slug}") for slug in ("plan", "span"))
    assert (private.status_code, absent.status_code) == (404, 404)
    anonymised = [re.sub(rb"plan|span|[0-9a-f]{16}-[0-9a-f]{6}", b"", a.content) for a in (private, absent)]
    assert anonymised[0] == anonymised[1]


@pytest.mark.usefixtures("wiki")
def test_the_graph_has_public_notes_and_links_alone(client: Client) -> None:
    graph = get(client, "graph").json()
    assert (graph["total"], [node["slug"] for node in graph["nodes"]]) == (3, ["lease", "outbox", "relay"])
    assert graph["edges"] == [
        {"source": "outbox", "target": "relay", "kind": "link"},
        {"source": "relay", "target": "outbox", "kind": "outbox"},
    ]
    tagged = get(client, "graph?tag=events&limit=1").json()
    assert (tagged["total"], len(tagged["nodes"]), tagged["edges"]) == (2, 1, [])


@pytest.mark.usefixtures("wiki")
def test_lists_are_paged_and_narrowed(client: Client) -> None:
    first = get(client, "notes?limit=2").json()
    assert (first["total"], [note["slug"] for note in first["items"]]) == (3, ["lease", "outbox"])
    assert [note["slug"] for note in get(client, "notes?limit=2&offset=2").json()["items"]] == ["relay"]
    assert get(client, "notes?tag=events").json()["total"] == 2


@pytest.mark.usefixtures("wiki")
@pytest.mark.parametrize("mode", ["hybrid", "text", "vector"])
def test_search_finds_public_notes_alone(client: Client, mode: str) -> None:
    found = get(client, f"search?q=what moves rows&mode={mode}").json()
    slugs = [hit["slug"] for hit in found["items"]]
    assert "relay" in slugs
    assert "plan" not in slugs
    assert found["total"] == len(slugs)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("search", "q"),
        ("search?q=", "q"),
        (f"search?q={'x' * 201}", "q"),
        ("search?q=a&mode=fuzzy", "mode"),
        ("search?q=a&limit=51", "limit"),
        ("search?q=a&offset=201", "offset"),
        ("notes?limit=0", "limit"),
        ("graph?limit=1001", "limit"),
        ("notes/Not%20A%20Slug", "slug"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(client: Client, path: str, name: str) -> None:
    answer = client.get(f"{API}/{path}")
    assert answer.status_code == 422
    assert [error["name"] for error in answer.json()["errors"]] == [name]


@pytest.mark.usefixtures("wiki")
def test_the_sitemap_lists_public_notes_by_absolute_address(client: Client) -> None:
    answer = get(client, "sitemap.xml")
    assert answer.headers["Content-Type"] == "application/xml"
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    document = ElementTree.fromstring(answer.content)  # noqa: S314 - our own
    places = [place.text for place in document.iter(f"{space}loc")]
    assert places == [
        f"http://testserver/api/knowledge/notes/{slug}" for slug in ("lease", "outbox", "relay")
    ]


@pytest.mark.usefixtures("wiki")
@pytest.mark.parametrize("path", READS)
def test_an_unchanged_answer_is_not_sent_again(client: Client, path: str) -> None:
    first = get(client, path)
    assert re.fullmatch('"[0-9a-f]{32}"', first.headers["ETag"])
    assert first.headers["Cache-Control"].startswith("public, max-age=0, s-maxage=")
    assert client.get(f"{API}/{path}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


@pytest.mark.usefixtures("wiki")
@pytest.mark.parametrize("path", READS)
def test_nothing_that_happens_in_private_changes_an_answer(client: Client, path: str) -> None:
    before = get(client, path)
    made = write("Broker", "What moves rows, and [[Relay]].", public=False, aliases=["Relay", "Outbox"])
    with entering("knowledge"):
        services.edit_note(slug="broker", revision=made.revision, body="What moves rows: [[Relay]] [[Relay]]")
        Note.objects.update(x=3, y=4)
        services.remove_note(slug="plan", revision=1)
    after = get(client, path)
    assert (after.headers["ETag"], after.content) == (before.headers["ETag"], before.content)


@pytest.mark.usefixtures("wiki")
@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("change", ["publish", "retire", "remove", "edit"])
def test_what_happens_in_public_changes_the_answer(client: Client, path: str, change: str) -> None:
    before = get(client, path).headers["ETag"]
    with entering("knowledge"):
        if change == "publish":
            services.show_note(slug="plan")
        elif change == "retire":
            services.retire_note(slug="outbox")
        elif change == "remove":
            services.remove_note(slug="outbox", revision=1)
        else:
            services.edit_note(slug="relay", revision=1, title="The relay")
    assert get(client, path).headers["ETag"] != before


@pytest.mark.usefixtures("wiki")
def test_a_new_layout_changes_the_graph_and_no_note(client: Client) -> None:
    before = {path: get(client, path).headers["ETag"] for path in READS}
    with entering("knowledge"):
        layout.layout_notes()
    changed = {path for path in READS if get(client, path).headers["ETag"] != before[path]}
    assert changed == {"graph"}


@pytest.mark.usefixtures("wiki")
@pytest.mark.parametrize(
    ("path", "statements"),
    [("notes", 4), ("notes/relay", 3), ("graph", 5), ("search?q=rows", 3), ("sitemap.xml", 3)],
)
def test_statements_do_not_grow_with_the_notes(client: Client, path: str, statements: int) -> None:
    for number in range(20):
        write(f"Note {number}", "rows [[Relay]]")
    with CaptureQueriesContext(connections["knowledge"]) as asked:
        get(client, path)
    assert len(asked) == statements
