"""The anonymous tier, in its own process: what it refuses to start with and what it can do once it runs."""

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.sql import SQL, Identifier

from monolith.embedded import PostgresCluster
from monolith.embedded.port import free_port
from monolith.embedded.postgres import DATABASE
from monolith.module import Tier
from monolith.testing.database import admin_connection
from settings.modules import MODULES
from tests.served_tier import ROOT, serve_command, served, tier_environ
from tests.system.running_up import prepared_directory

RELATIONS = """
SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
LISTED = {
    (module.name, relation.name)
    for module in MODULES
    if Tier.PUBLIC in module.tier
    for relation in module.public_relations
}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresCluster]:
    """A server of this file's own: roles are shared by a whole server, and these tests change them."""
    with prepared_directory() as directory:
        yield PostgresCluster(directory)


def start(
    server: PostgresCluster, settings: str = "settings.public", **environ: str
) -> tuple[int, str, bool]:
    """Try to serve; returns the exit code, the output, and whether the port was ever open."""
    port = free_port()
    tier = "private" if environ.pop("passfile", "") == "private" else "public"
    variables = tier_environ(server, tier)
    if tier == "private":
        del variables["MONOLITH_SECRET_KEY"]
    result = subprocess.run(
        serve_command(settings, port),
        cwd=ROOT,
        env=variables | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    with socket.socket() as probe:
        listening = probe.connect_ex(("127.0.0.1", port)) == 0
    return result.returncode, result.stdout + result.stderr, listening


@contextmanager
def granted(server: PostgresCluster, grant: str, revoke: str) -> Iterator[None]:
    with admin_connection(server, DATABASE) as connection:
        connection.execute(grant)
        try:
            yield
        finally:
            connection.execute(revoke)


@pytest.mark.parametrize("secret", ["MONOLITH_SECRET_KEY", "MONOLITH_ADMIN_URL"])
def test_it_refuses_a_secret_by_name_and_does_not_listen(server: PostgresCluster, secret: str) -> None:
    code, output, listening = start(server, **{secret: "hunter2"})

    assert code == 3
    assert f"{secret} is set; it is a secret of the private tier" in output
    assert "hunter2" not in output
    assert not listening


def test_it_refuses_the_role_of_a_module(server: PostgresCluster, tmp_path: Path) -> None:
    (tmp_path / "wrong_role.py").write_text(
        'from settings.public import *\nDATABASES["default"]["USER"] = "hikes_rw"\n', encoding="utf-8"
    )

    code, output, listening = start(server, "wrong_role", passfile="private", PYTHONPATH=str(tmp_path))

    assert code == 3
    assert "the alias 'default' is connected as 'hikes_rw', not 'public_reader'" in output
    assert not listening


@pytest.mark.parametrize(
    ("grant", "revoke", "named"),
    [
        (
            "GRANT SELECT ON hikes.hikes_walk TO public_reader",
            "REVOKE SELECT ON hikes.hikes_walk FROM public_reader",
            "hikes_walk",
        ),
        (
            "GRANT UPDATE ON ships.ships_vessel TO PUBLIC",
            "REVOKE UPDATE ON ships.ships_vessel FROM PUBLIC",
            "ships_vessel",
        ),
        ("GRANT ships_rw TO public_reader", "REVOKE ships_rw FROM public_reader", "ships_rw"),
        ("ALTER ROLE public_reader SUPERUSER", "ALTER ROLE public_reader NOSUPERUSER", "superuser"),
    ],
)
def test_it_refuses_a_role_that_can_do_more(
    server: PostgresCluster, grant: str, revoke: str, named: str
) -> None:
    with granted(server, grant, revoke):
        code, output, listening = start(server)

    assert code == 3, output
    assert named in output
    assert not listening


def test_it_refuses_a_password_file_with_more_than_its_own_role(server: PostgresCluster) -> None:
    code, output, listening = start(server, PGPASSFILE=str(server.passfile("private")))

    assert code == 3, output
    assert "has a password for 'hikes_rw', which the public tier must not hold" in output
    assert not listening


def public_connection(server: PostgresCluster) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        server.url(), user="public_reader", passfile=str(server.passfile("public")), autocommit=True
    )


def relations(server: PostgresCluster) -> list[tuple[str, str]]:
    with admin_connection(server, DATABASE) as connection:
        return [(str(schema), str(name)) for schema, name in connection.execute(RELATIONS)]


def test_its_role_reads_the_listed_relations_and_no_other(server: PostgresCluster) -> None:
    readable = set()
    with public_connection(server) as connection:
        for schema, name in relations(server):
            try:
                connection.execute(
                    SQL("SELECT * FROM {}.{} LIMIT 0").format(Identifier(schema), Identifier(name))
                )
            except errors.InsufficientPrivilege:
                continue
            readable.add((schema, name))

    whole = {(m.name, r.name) for m in MODULES for r in m.public_relations if not r.columns}
    assert readable == whole & LISTED


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {} DEFAULT VALUES",
        "UPDATE {} SET ctid = ctid",
        "DELETE FROM {}",
        "TRUNCATE {}",
    ],
)
def test_its_role_writes_nothing_even_after_switching_read_only_off(
    server: PostgresCluster, statement: str
) -> None:
    with public_connection(server) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for schema, name in relations(server):
            table = SQL("{}.{}").format(Identifier(schema), Identifier(name))
            # A view with expressions or several tables is refused for what it is, before rights are asked.
            with pytest.raises(
                (
                    errors.InsufficientPrivilege,
                    errors.ObjectNotInPrerequisiteState,
                    errors.WrongObjectType,
                    errors.UndefinedColumn,
                    errors.FeatureNotSupported,
                )
            ):
                connection.execute(SQL(statement).format(table))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMP TABLE mine (a int)",
        "CREATE TABLE hikes.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE SCHEMA mine",
        "SELECT lo_create(0)",
        "SET ROLE hikes_rw",
        "CREATE FUNCTION pg_temp.leak(text) RETURNS bool LANGUAGE sql AS 'SELECT true'",
        "COPY hikes.hikes_public_walk TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_its_role_makes_nothing(server: PostgresCluster, statement: str) -> None:
    with public_connection(server) as connection:
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement)


def test_private_code_imported_there_by_hand_reads_nothing(server: PostgresCluster) -> None:
    code = """
import django; django.setup()
from django.apps import apps
from monolith import composed, entering
listed = {r.name for m in composed().modules.values() for r in m.public_relations}
for module in composed().modules:
    for model in apps.get_app_config(module).get_models():
        with entering(module):
            try:
                list(model._default_manager.all()[:1])
                outcome = "read"
            except Exception as error:
                outcome = type(error).__name__
            print(model._meta.db_table, model._meta.db_table in listed, outcome)
"""
    environ = tier_environ(server, "public", DJANGO_SETTINGS_MODULE="settings.public")
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    outcomes = [line.split() for line in result.stdout.splitlines()]
    assert outcomes, result.stderr
    assert {outcome for _, listed, outcome in outcomes if listed == "False"} == {"ProgrammingError"}
    assert {outcome for _, listed, outcome in outcomes if listed == "True"} == {"read"}


def test_it_serves_no_admin_no_session_and_no_private_route(server: PostgresCluster) -> None:
    def get(path: str) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", tier.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Set-Cookie")
        finally:
            connection.close()

    with served(server, "public") as tier:
        paths = ("/", "/admin/", "/admin/login/", "/api/hikes/uploads", "/api/ships/ingest/status")
        assert {path: get(path) for path in paths} == {
            "/": (200, None),
            **dict.fromkeys(paths[1:], (404, None)),
        }
