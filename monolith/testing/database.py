"""Fixtures around the test database."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from pytest_django import DjangoDbBlocker

from monolith.composition import composed
from monolith.embedded import PostgresCluster
from monolith.liveness import has_ended
from monolith.module import BROKER, PLATFORM

# Every table of the modules and the platform, partitions included.
TABLES: Final = """
SELECT n.nspname, c.relname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY(%s)
"""
# Those that were written to since they were last emptied, rolled back or not: a table without a row has no page, and a
# sequence that gave no number no last value. Emptying them all would cost each test a third of a second.
WRITTEN: Final = """
WITH known AS (
    SELECT c.oid, n.nspname, c.relname
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY(%s)
)
SELECT nspname, relname FROM known WHERE pg_relation_size(oid) > 0
UNION
SELECT known.nspname, known.relname
FROM pg_sequence AS sequence
JOIN pg_depend AS owned
    ON owned.classid = 'pg_class'::regclass AND owned.objid = sequence.seqrelid
    AND owned.refclassid = 'pg_class'::regclass AND owned.deptype IN ('a', 'i')
JOIN known ON known.oid = owned.refobjid
WHERE pg_sequence_last_value(sequence.seqrelid) IS NOT NULL
"""
WRITTEN_BY_MIGRATIONS: Final = frozenset({"django_migrations", "django_content_type", "auth_permission"})


@pytest.fixture(scope="session")
def cluster() -> PostgresCluster:
    """The embedded PostgreSQL of this run."""
    return PostgresCluster(Path(os.environ["MONOLITH_DATA_DIR"]))


@pytest.fixture(scope="session")
def django_db_setup(cluster: PostgresCluster, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Point every alias at this worker's own clone of the migrated database."""
    from django.db import connections

    from monolith.contracts import decisions

    decisions.hears_changes = False  # what a thread forgets in between, a test may have counted on
    with django_db_blocker.unblock():
        if worker := os.environ.get("PYTEST_XDIST_WORKER", ""):
            name = _clone(cluster, worker)
            for alias in connections:
                connections[alias].settings_dict["NAME"] = name
        yield
        connections.close_all()
        for alias in connections:
            if close_pool := getattr(connections[alias], "close_pool", None):
                close_pool()


def _clone(cluster: PostgresCluster, worker: str) -> str:
    template = str(composed().databases["default"]["NAME"])
    name = f"{template}_{worker}"
    with admin_connection(cluster) as connection:
        # Serialised, because a template must have no other session while it is copied.
        connection.execute("SELECT pg_advisory_lock(hashtext('monolith:test-clone'))")
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template))
        )
    # What is granted on a database, or set on a role in it, does not come along with the copy.
    from monolith.access.provision import provision_database

    provision_database(cluster, name)
    return name


def admin_connection(cluster: PostgresCluster, database: str = "postgres") -> psycopg.Connection[Any]:
    """Connect to the test server as its superuser, in autocommit."""
    return psycopg.connect(
        cluster.admin_url, dbname=database, passfile=str(cluster.passfile("admin")), autocommit=True
    )


@pytest.fixture
def anonymous(django_db_setup: None, cluster: PostgresCluster) -> Iterator[psycopg.Connection[Any]]:
    """A connection to this run's database as the anonymous tier's role; it sees what was committed."""
    from django.db import connections

    with psycopg.connect(
        cluster.url(connections["default"].settings_dict["NAME"]),
        user=composed().roles.public_reader,
        passfile=str(cluster.passfile("public")),
        autocommit=True,
    ) as connection:
        yield connection


class Tables:
    """The tables of the test database, asked by a superuser's connection that is kept: a new one knows none of them."""

    def __init__(self, cluster: PostgresCluster, database: str) -> None:
        self._cluster = cluster
        self._database = database
        self._kept: psycopg.Connection[Any] | None = None

    def all(self) -> set[tuple[str, str]]:
        """Return schema and name of each."""
        return self._found(TABLES)

    def drop(self, tables: set[tuple[str, str]]) -> None:
        for table in tables:
            self._connection().execute(SQL("DROP TABLE IF EXISTS {} CASCADE").format(Identifier(*table)))

    def empty(self) -> None:
        """Empty those that were written to, but for what migrations wrote."""
        written = sorted(table for table in self._found(WRITTEN) if table[1] not in WRITTEN_BY_MIGRATIONS)
        if not written:
            return
        emptied = SQL(", ").join(Identifier(*table) for table in written)
        with self._connection().transaction():
            # Triggers that refuse it guard what was written for good; what a test wrote is not.
            self._connection().execute("SET LOCAL session_replication_role = replica")
            self._connection().execute(SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(emptied))

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()

    def _found(self, query: str) -> set[tuple[str, str]]:
        schemas = [*composed().declared, PLATFORM, BROKER]
        return {(schema, table) for schema, table in self._connection().execute(query, [schemas])}

    def _connection(self) -> psycopg.Connection[Any]:
        if self._kept is None or has_ended(self._kept):  # with a server that a test restarted
            self.close()
            self._kept = admin_connection(self._cluster, self._database)
        return self._kept


@pytest.fixture(scope="session")
def tables(django_db_setup: None, cluster: PostgresCluster) -> Iterator[Tables]:
    """The tables of this worker's database."""
    from django.db import connections

    kept = Tables(cluster, connections["default"].settings_dict["NAME"])
    yield kept
    kept.close()


@pytest.fixture
def committed_db(tables: Tables, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a test commit for real; afterwards every table is emptied, and what tables it made are dropped.

    pytest-django's `transactional_db` truncates through each alias, which no serving role may do.
    """
    from django.db import connections

    before = tables.all()
    with django_db_blocker.unblock():
        yield
        connections.close_all()
    tables.drop(tables.all() - before)
    tables.empty()
