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


@pytest.fixture
def committed_db(
    django_db_setup: None, cluster: PostgresCluster, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Let a test commit for real; afterwards every table is emptied, and what tables it made are dropped.

    pytest-django's `transactional_db` truncates through each alias, which no serving role may do.
    """
    from django.db import connections

    name = connections["default"].settings_dict["NAME"]
    with admin_connection(cluster, name) as connection:
        before = _tables(connection, TABLES)
    with django_db_blocker.unblock():
        yield
        connections.close_all()
    with admin_connection(cluster, name) as connection:
        for made in _tables(connection, TABLES) - before:
            connection.execute(SQL("DROP TABLE IF EXISTS {} CASCADE").format(Identifier(*made)))
        written = [table for table in _tables(connection, WRITTEN) if table[1] not in WRITTEN_BY_MIGRATIONS]
        if written:
            # Triggers that refuse it guard what was written for good; what a test wrote is not.
            connection.execute("SET session_replication_role = replica")
            emptied = SQL(", ").join(Identifier(*table) for table in sorted(written))
            connection.execute(SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(emptied))


def _tables(connection: psycopg.Connection[Any], query: str) -> set[tuple[str, str]]:
    return {(s, t) for s, t in connection.execute(query, [[*composed().declared, PLATFORM, BROKER]])}
