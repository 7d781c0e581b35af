"""What the anonymous tier's role sees of hikes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from django.utils import timezone
from psycopg import errors
from psycopg.sql import SQL, Identifier, Literal

from apps.hikes import services
from apps.hikes.forecast.fixture import FixtureForecast
from apps.hikes.geometry import Point
from apps.hikes.gpx import write_gpx
from apps.hikes.models import Walk
from apps.hikes.module import module
from apps.hikes.refresh import refresh_windows
from monolith import composed, entering
from monolith.embedded import PostgresCluster

PUBLIC: Final = [relation.name for relation in module.public_relations]
# The column that tells one walk's rows from another's; a new public relation needs a line here.
TELLING: Final = {"hikes_public_walk": "slug", "hikes_window": "walk_id"}
EXPLAIN: Final = SQL(
    "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT * FROM {} WHERE {} {} {}"
)


@contextmanager
def connected(cluster: PostgresCluster) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        cluster.url(connections["hikes"].settings_dict["NAME"]),
        user=composed().roles.public_reader,
        passfile=str(cluster.passfile("public")),
        autocommit=True,
    ) as connection:
        yield connection


@pytest.fixture
def anonymous(cluster: PostgresCluster, db: None) -> Iterator[psycopg.Connection[Any]]:
    with connected(cluster) as connection:
        yield connection


def make_walk(name: str, *, published: bool) -> Walk:
    file = write_gpx(name=name, description="", points=[Point(-3, 54, 100), Point(-3, 54.02, 400)])
    return services.upload_walk(data=file, published=published)


def plan(anonymous: psycopg.Connection[Any], relation: str, operator: str, value: str) -> str:
    """Return how a question was answered and how many rows that met, without the value asked for."""
    column = Identifier(TELLING[relation])
    asked = anonymous.execute(EXPLAIN.format(Identifier(relation), column, SQL(operator), Literal(value)))
    return "\n".join(line for (line,) in asked.fetchall()).replace(value, "?")


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("operator", ["=", "<>", "<", "<=", ">="])
@pytest.mark.parametrize("index", ["on", "off"])
@pytest.mark.parametrize("relation", PUBLIC)
def test_no_plan_tells_a_draft_from_nothing(
    cluster: PostgresCluster, relation: str, index: str, operator: str
) -> None:
    with entering("hikes"):
        shown, draft = make_walk("Shown", published=True), make_walk("Drafted", published=False)
        refresh_windows(provider=FixtureForecast(), now=timezone.now())
    # Beside each of the draft's values one that nothing has: what is shown is on the same side of both.
    asked = {"slug": (draft.slug, "draftee"), "walk_id": (str(draft.pk), str(UUID(int=draft.pk.int ^ 1)))}
    private, absent = asked[TELLING[relation]]
    public = {"slug": shown.slug, "walk_id": str(shown.pk)}[TELLING[relation]]
    with connected(cluster) as anonymous:
        for scan in ("enable_indexscan", "enable_bitmapscan"):
            anonymous.execute("SELECT set_config(%s, %s, false)", [scan, index])
        found = plan(anonymous, relation, operator, private)
        assert found == plan(anonymous, relation, operator, absent)
        if operator == "=":
            assert found != plan(anonymous, relation, operator, public)


@pytest.mark.parametrize("relation", PUBLIC)
def test_it_reads_tables_of_public_rows_and_no_view(
    anonymous: psycopg.Connection[Any], relation: str
) -> None:
    anonymous.execute(SQL("SELECT * FROM {}").format(Identifier(relation)))
    kind = anonymous.execute("SELECT relkind FROM pg_class WHERE oid = %s::regclass", [relation]).fetchone()
    assert kind == ("r",)


@pytest.mark.parametrize("table", ["hikes_walk", "hikes_forecastfetch"])
def test_it_reads_no_private_table(anonymous: psycopg.Connection[Any], table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(SQL("SELECT 1 FROM {}").format(Identifier(table)))


@pytest.mark.parametrize("relation", PUBLIC)
def test_it_writes_nothing(anonymous: psycopg.Connection[Any], relation: str) -> None:
    anonymous.execute("SET default_transaction_read_only = off")
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(SQL("DELETE FROM {}").format(Identifier(relation)))


def test_no_public_relation_shows_the_uploaded_file(anonymous: psycopg.Connection[Any]) -> None:
    columns = {
        column.name
        for relation in PUBLIC
        for column in anonymous.execute(SQL("SELECT * FROM {}").format(Identifier(relation))).description
        or ()
    }
    assert not {"gpx", "gpx_checksum", "published", "created_at"} & columns
