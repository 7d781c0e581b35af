"""Who has no business with jobs: the public tier, other modules, django-q2's own pages."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from psycopg import errors
from psycopg.sql import SQL, Identifier

from monolith import composed
from monolith.embedded import PostgresCluster
from tests.environment import outer_environment

ROOT = Path(__file__).resolve().parents[3]
TABLES = ("monolith_job", "monolith_schedule", "monolith_lease")
MODULES = sorted(composed().declared)


def connected(cluster: PostgresCluster, role: str, profile: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(
        cluster.url(connections["default"].settings_dict["NAME"]),
        user=role,
        passfile=str(cluster.passfile(profile)),
        autocommit=True,
    )


@pytest.fixture
def public_reader(cluster: PostgresCluster, db: None) -> "Iterator[psycopg.Connection[Any]]":
    with connected(cluster, composed().roles.public_reader, "public") as connection:
        # The session may do that; only grants are a boundary.
        connection.execute("SET default_transaction_read_only = off")
        yield connection


def refuses(connection: "psycopg.Connection[Any]", schema: str, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(SQL("SELECT 1 FROM {}").format(Identifier(schema, table)))
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(SQL("DELETE FROM {}").format(Identifier(schema, table)))


@pytest.mark.parametrize("module", MODULES)
def test_the_public_tier_has_no_grant_on_the_tables_of_jobs(
    module: str, public_reader: "psycopg.Connection[Any]"
) -> None:
    for table in TABLES:
        refuses(public_reader, module, table)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("module", MODULES)
def test_a_module_reads_its_own_jobs_and_nobody_elses(module: str, cluster: PostgresCluster) -> None:
    with connected(cluster, composed().roles.rw(module), "private") as connection:
        for table in TABLES:
            connection.execute(SQL("SELECT 1 FROM {}").format(Identifier(module, table)))
        for other in {*MODULES} - {module}:
            refuses(connection, other, TABLES[0])


def test_the_public_tier_enqueues_nothing() -> None:
    code = (
        "import django; django.setup()\n"
        "from apps.hikes.tasks import refresh\n"
        "from monolith import entering\n"
        "with entering('hikes'): refresh.enqueue()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        # Nothing listens there: a process that tried would say so instead.
        env=outer_environment()
        | {"DJANGO_SETTINGS_MODULE": "settings.public", "DATABASE_URL": "postgresql://127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "TierViolation" in ended.stderr
    assert "the public process enqueues no jobs; apps.hikes.tasks.refresh was to be enqueued" in ended.stderr


@pytest.mark.django_db(databases="__all__")
def test_django_q_has_no_tables(cluster: PostgresCluster) -> None:
    with connected(cluster, composed().roles.platform_rw, "private") as connection:
        found = connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'django_q%'").fetchall()
    assert found == []


@pytest.mark.django_db(databases="__all__")
def test_the_models_of_django_q_have_no_pages_in_the_admin(client: Client) -> None:
    client.force_login(User.objects.create_superuser("staff"))

    index = client.get("/admin/")

    assert index.status_code == 200
    assert b"hikes" in index.content
    assert b"django_q" not in index.content
    assert client.get("/admin/django_q/schedule/").status_code == 404
    assert [model for model in admin.site._registry if model._meta.app_label == "django_q"] == []
