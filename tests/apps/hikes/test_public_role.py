"""What the anonymous tier's role sees of hikes."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg import errors
from psycopg.sql import SQL, Identifier

from monolith import composed
from monolith.embedded import PostgresCluster

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def anonymous(cluster: PostgresCluster, db: None) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        cluster.url(connections["hikes"].settings_dict["NAME"]),
        user=composed().roles.public_reader,
        passfile=str(cluster.passfile("public")),
        autocommit=True,
    ) as connection:
        yield connection


@pytest.mark.parametrize("view", ["hikes_public_walk", "hikes_public_window"])
def test_it_reads_the_views_behind_a_barrier(anonymous: psycopg.Connection[Any], view: str) -> None:
    anonymous.execute(SQL("SELECT * FROM {}").format(Identifier(view)))
    row = anonymous.execute("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", [view]).fetchone()
    assert row == (["security_barrier=true"],)


@pytest.mark.parametrize("table", ["hikes_walk", "hikes_window", "hikes_forecastfetch"])
def test_it_reads_no_table(anonymous: psycopg.Connection[Any], table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(SQL("SELECT 1 FROM {}").format(Identifier(table)))


@pytest.mark.parametrize("view", ["hikes_public_walk", "hikes_public_window"])
def test_it_writes_nothing_through_a_view(anonymous: psycopg.Connection[Any], view: str) -> None:
    # The second view is a join, which PostgreSQL refuses to write through before it asks for rights.
    with pytest.raises((errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)):
        anonymous.execute(SQL("DELETE FROM {}").format(Identifier(view)))


def test_no_view_shows_the_uploaded_file(anonymous: psycopg.Connection[Any]) -> None:
    columns = [
        column.name for column in anonymous.execute("SELECT * FROM hikes_public_walk").description or ()
    ]
    assert not {"gpx", "gpx_checksum", "published", "created_at"} & set(columns)
