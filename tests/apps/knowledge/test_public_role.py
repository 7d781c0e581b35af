"""What the anonymous tier's role sees of knowledge."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from django.apps import apps
from django.db import connections
from psycopg import errors
from psycopg.sql import SQL, Identifier, Literal

from apps.knowledge import services
from apps.knowledge.content import content_of
from apps.knowledge.models import Chunk, Note
from apps.knowledge.module import module
from monolith import composed, entering
from monolith.embedded import PostgresCluster
from tests.served_tier import served

PUBLIC: Final = [relation.name for relation in module.public_relations]
PRIVATE: Final = sorted(
    {model._meta.db_table for model in apps.get_app_config("knowledge").get_models()} - set(PUBLIC)
)
# The columns that tell one note's rows from another's; a new public relation needs a line here.
TELLING: Final = [
    ("knowledge_public_note", "slug"),
    ("knowledge_public_note", "id"),
    ("knowledge_public_chunk", "note_id"),
    ("knowledge_public_chunk", "text"),
    ("knowledge_public_link", "source_id"),
    ("knowledge_public_link", "target_id"),
]
EXPLAIN: Final = SQL(
    "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT * FROM {} WHERE {} {} {}"
)


@contextmanager
def connected(cluster: PostgresCluster) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        cluster.url(connections["knowledge"].settings_dict["NAME"]),
        user=composed().roles.public_reader,
        passfile=str(cluster.passfile("public")),
        autocommit=True,
    ) as connection:
        yield connection


@pytest.fixture
def anonymous(cluster: PostgresCluster, db: None) -> Iterator[psycopg.Connection[Any]]:
    with connected(cluster) as connection:
        yield connection


def write(title: str, body: str, *, public: bool) -> Note:
    note = services.create_note(content=content_of(title=title, body=body))
    return services.show_note(slug=note.slug) if public else note


def plan(anonymous: psycopg.Connection[Any], relation: str, column: str, operator: str, value: str) -> str:
    """Return how a question was answered and how many rows that met, without the value asked for."""
    statement = EXPLAIN.format(Identifier(relation), Identifier(column), SQL(operator), Literal(value))
    return "\n".join(line for (line,) in anonymous.execute(statement).fetchall()).replace(value, "?")


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("operator", ["=", "<>", "<", "<=", ">="])
@pytest.mark.parametrize("index", ["on", "off"])
@pytest.mark.parametrize(("relation", "column"), TELLING)
def test_no_plan_tells_a_private_note_from_nothing(
    cluster: PostgresCluster, relation: str, column: str, index: str, operator: str
) -> None:
    with entering("knowledge"):
        shown = write("Shown", "shown [[Shown]] [[Draft]]", public=True)
        private = write("Draft", "drafted [[Shown]]", public=False)
        text = Chunk.objects.get(note=private).text
    # Beside each of the private note's values one that nothing has: what is public is on the same side of both.
    asked = {"slug": (private.slug, "draftee"), "text": (text, f"{text}e")}
    hidden, absent = asked.get(column, (str(private.pk), str(UUID(int=private.pk.int ^ 1))))
    public = {"slug": "shown", "text": "shown Shown Draft"}.get(column, str(shown.pk))
    with connected(cluster) as anonymous:
        for scan in ("enable_indexscan", "enable_bitmapscan"):
            anonymous.execute("SELECT set_config(%s, %s, false)", [scan, index])
        found = plan(anonymous, relation, column, operator, hidden)
        assert found == plan(anonymous, relation, column, operator, absent)
        if operator == "=":
            assert found != plan(anonymous, relation, column, operator, public)


@pytest.mark.parametrize("relation", PUBLIC)
def test_it_reads_tables_of_public_rows_and_no_view(
    anonymous: psycopg.Connection[Any], relation: str
) -> None:
    anonymous.execute(SQL("SELECT * FROM {}").format(Identifier(relation)))
    kind = anonymous.execute("SELECT relkind FROM pg_class WHERE oid = %s::regclass", [relation]).fetchone()
    assert kind == ("r",)


@pytest.mark.parametrize("table", PRIVATE)
def test_it_reads_no_private_table(anonymous: psycopg.Connection[Any], table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(SQL("SELECT 1 FROM {}").format(Identifier(table)))


@pytest.mark.parametrize("relation", PUBLIC)
def test_it_writes_nothing(anonymous: psycopg.Connection[Any], relation: str) -> None:
    anonymous.execute("SET default_transaction_read_only = off")
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(SQL("DELETE FROM {}").format(Identifier(relation)))


@pytest.mark.usefixtures("committed_db")
def test_no_public_row_says_what_a_public_note_links_to_in_private(cluster: PostgresCluster) -> None:
    with entering("knowledge"):
        write("Takeover bid", "shh", public=False)
        write("Shown", "[[Takeover bid#Price|our plans]] and [their file](takeover-bid.md)", public=True)
    with connected(cluster) as anonymous:
        rows = [anonymous.execute(SQL("SELECT * FROM {}").format(Identifier(t))).fetchall() for t in PUBLIC]
    everything = repr(rows).lower()
    assert "our plans and their file" in everything
    assert "takeover" not in everything
    assert "price" not in everything


@pytest.mark.usefixtures("committed_db")
def test_every_public_route_works_as_that_role(cluster: PostgresCluster) -> None:
    with entering("knowledge"):
        write("Relay", "It moves rows. [[Outbox]] [[Plan]]", public=True)
        write("Outbox", "Rows wait.", public=True)
        write("Plan", "It moves rows.", public=False)
    with served(cluster, "public") as tier:

        def get(path: str) -> bytes:
            with urllib.request.urlopen(f"{tier.address}/api/knowledge/{path}", timeout=30) as answer:
                body: bytes = answer.read()
                return body

        assert [item["slug"] for item in json.loads(get("notes"))["items"]] == ["outbox", "relay"]
        assert json.loads(get("notes/relay"))["links"] == [
            {"slug": "outbox", "title": "Outbox", "kind": "link"}
        ]
        assert len(json.loads(get("graph"))["edges"]) == 1
        for mode in ("hybrid", "text", "vector"):
            assert json.loads(get(f"search?q=moves%20rows&mode={mode}"))["items"][0]["slug"] == "relay"
        assert get("sitemap.xml").count(b"<loc>") == 2
        for path in ("notes/plan", "vault/notes", "vault/search?q=rows"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get(path)
