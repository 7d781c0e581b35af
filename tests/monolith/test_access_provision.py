"""`provision`: converges, keeps data, gives and takes passwords, and writes the same thing as a script."""

import os
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from monolith.access.declaration import declarations
from monolith.access.facts import difference
from monolith.access.findings import findings
from monolith.access.passwords import Passfile, profile_passfiles, settle_passwords, verifies
from monolith.access.provision import LOCK, apply_schema_grants, drift, ensure_database, provision
from monolith.access.script import script
from monolith.access.statements import statements
from monolith.embedded import PostgresCluster
from monolith.embedded.passfile import entries, write_passfile
from monolith.environment import read_environment
from monolith.errors import ProvisionError
from monolith.module import Module, PublicRelation, Tier
from monolith.testing.database import admin_connection
from tests.monolith.access_deployment import (
    ALPHA,
    BETA,
    TABLES_OF_ALPHA,
    Deployment,
    bare,
    declaration,
    deployment,
)

__all__ = ["bare", "deployment"]


def test_second_run_on_an_empty_database_executes_nothing(bare: Deployment) -> None:
    assert bare.provision() > 0
    assert bare.provision() == 0


def test_second_run_with_tables_executes_nothing(deployment: Deployment) -> None:
    assert deployment.provision() == 0
    assert deployment.findings() == []


def test_plan_changes_nothing(bare: Deployment) -> None:
    planned = provision(bare.admin, bare.declaration, keep=False)
    made = provision(bare.admin, bare.declaration)
    assert planned == made
    assert planned["role"] == 14


def test_two_runs_at_once_both_finish(bare: Deployment) -> None:
    def run(_: int) -> Counter[str]:
        with admin_connection(bare.cluster, bare.declaration.database) as admin:
            return provision(admin, bare.declaration)

    with ThreadPoolExecutor(2) as executor:
        first, second = executor.map(run, range(2))
    assert (first.total() == 0) is not (second.total() == 0)
    assert bare.provision() == 0


def test_serving_roles_cannot_take_advisory_locks_or_end_sessions(deployment: Deployment) -> None:
    roles = deployment.declaration.roles
    for role in (roles.public_reader, roles.rw("alpha"), roles.migrator):
        for call in (
            "pg_advisory_lock(number) FROM generate_series(1, 10) AS number",
            "pg_advisory_xact_lock(hashtextextended('monolith:provision', 0))",
            "pg_try_advisory_lock_shared(1, 2)",
            "pg_terminate_backend(pg_backend_pid())",
            "pg_cancel_backend(pg_backend_pid())",
        ):
            with deployment.login(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT {call}".encode())
    with deployment.login(roles.module_migrator("alpha")) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")


def test_databases_of_every_server_are_closed(deployment: Deployment) -> None:
    found = deployment.admin.execute(
        "SELECT bool_or(has_database_privilege(r.rolname, d.datname, p))"
        " FROM pg_roles r, pg_database d, unnest(ARRAY['CONNECT', 'TEMPORARY']) AS p"
        " WHERE r.rolname = ANY(%s) AND d.datname IN ('postgres', 'template1')",
        [[*deployment.declaration.login_roles, *deployment.declaration.owners]],
    )
    assert found.fetchone() == (False,)


@pytest.mark.parametrize(
    "done",
    [
        "GRANT CONNECT, TEMPORARY ON DATABASE postgres TO PUBLIC",
        "GRANT CONNECT ON DATABASE template1 TO {p}public_reader",
        "ALTER ROLE ALL SET statement_timeout = 0",
    ],
)
def test_what_the_whole_server_gives_is_taken_away(done: str, deployment: Deployment) -> None:
    # Rolled back: the server is that of every other test, too.
    with deployment.admin.transaction(force_rollback=True):
        deployment.run(done)
        catalog, expected = drift(deployment.admin, deployment.declaration)
        change = difference(expected, catalog.facts)
        assert len(findings(change)) == 1
        for statement in statements(change):
            deployment.admin.execute(statement.sql)
        catalog, expected = drift(deployment.admin, deployment.declaration)
        assert not difference(expected, catalog.facts)


def test_limits_hold_in_every_database(deployment: Deployment) -> None:
    rows = deployment.admin.execute(
        "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = 0 AND setrole = %s::regrole",
        [deployment.declaration.roles.public_reader],
    )
    assert {row[0] for row in rows} == {
        "statement_timeout=5000",
        "lock_timeout=2000",
        "idle_in_transaction_session_timeout=10000",
    }


def test_run_that_waits_too_long_says_for_what(bare: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monolith.access.provision.LOCK_WAIT_S", 1)
    with admin_connection(bare.cluster, bare.declaration.database) as other, other.transaction():
        other.execute(LOCK)
        with pytest.raises(ProvisionError, match=r"Another `manage\.py provision` has been running"):
            bare.provision()
    assert bare.provision() > 0


def test_two_creations_of_one_database_at_once_make_one(cluster: PostgresCluster) -> None:
    name = "t_created_twice"

    def create(_: int) -> bool:
        with admin_connection(cluster) as admin:
            return ensure_database(admin, name)

    with ThreadPoolExecutor(2) as executor:
        assert sorted(executor.map(create, range(2))) == [False, True]
    with admin_connection(cluster) as admin:
        admin.execute(SQL("DROP DATABASE {}").format(Identifier(name)))


def test_removed_module_loses_its_roles_and_keeps_its_rows(deployment: Deployment) -> None:
    smaller = declaration(deployment.declaration.database, ALPHA)
    reduced = replace(deployment, declaration=smaller)
    role = deployment.declaration.roles.rw("beta")

    named = [text for text in reduced.findings() if role in text]
    assert any("has login: yes; declared is: no" in text for text in named), named

    reduced.provision()

    assert reduced.findings() == []
    assert reduced.provision() == 0
    assert deployment.rows() == [(2, 1, 1)]
    with pytest.raises(psycopg.OperationalError, match=r"not permitted to log in|permission denied"):
        deployment.login(role)

    deployment.provision()  # the module is declared again
    assert deployment.findings() == []


def test_roles_of_another_deployment_with_a_longer_prefix_are_left_alone(deployment: Deployment) -> None:
    name = f"{deployment.prefix}other_beta_rw"
    deployment.run(f"CREATE ROLE {name} LOGIN")
    assert deployment.findings() == []
    assert deployment.provision() == 0


def test_module_that_lives_elsewhere_keeps_its_login_and_loses_its_rights_here(
    deployment: Deployment,
) -> None:
    moved = replace(
        deployment.declaration,
        modules=tuple(m for m in deployment.declaration.modules if m.name != "beta"),
        elsewhere=frozenset({"beta"}),
    )
    reduced = replace(deployment, declaration=moved)
    reduced.provision()

    assert reduced.findings() == []
    login = deployment.admin.execute(
        "SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [moved.roles.rw("beta")]
    )
    assert login.fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        deployment.login(moved.roles.rw("beta"))


def test_declarations_follow_the_addresses_of_modules() -> None:
    environment = read_environment({"DATABASE_URL": "postgresql://a:5432/main", "MONOLITH_ROLE_PREFIX": "x_"})
    placed = declarations([ALPHA, BETA], environment, {"beta": "postgresql://b:5432/side"})
    assert [(url, d.database, d.schemas, d.elsewhere) for url, d in placed] == [
        ("postgresql://a:5432/main", "main", ("platform", "broker", "alpha"), frozenset({"beta"})),
        ("postgresql://b:5432/side", "side", ("beta",), frozenset({"platform", "broker", "alpha"})),
    ]


def test_the_brokers_tables_are_where_its_address_says() -> None:
    environment = read_environment(
        {
            "DATABASE_URL": "postgresql://a:5432/main",
            "MONOLITH_BROKER_URL": "postgresql://c:5432/log",
            "MONOLITH_ENVIRONMENT": "staging",
        }
    )
    placed = declarations([ALPHA], environment, {})
    assert [(url, d.schemas) for url, d in placed] == [
        ("postgresql://a:5432/main", ("platform", "alpha")),
        ("postgresql://c:5432/log", ("broker",)),
    ]


def run_psql(deployment: Deployment, text: str) -> None:
    environ = {"PGPASSFILE": str(deployment.cluster.passfile("admin")), "PATH": os.environ["PATH"]}
    subprocess.run(
        [
            str(deployment.cluster.programs / "psql"),
            "-X",
            "-q",
            "-o",
            os.devnull,
            deployment.cluster.admin_url,
        ],
        input=text,
        env=environ,
        text=True,
        check=True,
        timeout=60,
    )


def test_script_for_psql_leaves_nothing_to_provision(bare: Deployment) -> None:
    text = script(bare.declaration)
    run_psql(bare, text)
    assert provision(bare.admin, bare.declaration).total() == 0
    run_psql(bare, text)
    assert provision(bare.admin, bare.declaration).total() == 0


def test_script_runs_on_a_deployment_with_tables(deployment: Deployment) -> None:
    run_psql(deployment, script(deployment.declaration))
    assert deployment.findings() == []


def test_script_creates_the_database(cluster: PostgresCluster, bare: Deployment) -> None:
    name = f"{bare.declaration.database}_new"
    run_psql(bare, script(replace(bare.declaration, database=name)))
    with admin_connection(cluster, name) as admin:
        assert provision(admin, replace(bare.declaration, database=name)).total() == 0
    with admin_connection(cluster) as admin:
        admin.execute(SQL("DROP DATABASE {}").format(Identifier(name)))


@pytest.fixture
def modest_admin(bare: Deployment) -> psycopg.Connection[Any]:
    """An administrator with CREATEROLE who owns the database, and is no superuser."""
    name = f"{bare.prefix}admin"
    bare.run(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'modest'; ALTER DATABASE {{db}} OWNER TO {name}")
    url = bare.cluster.url(bare.declaration.database)
    return psycopg.connect(url, user=name, password="modest", autocommit=True)


def test_administrator_without_superuser_is_told_what_a_superuser_must_run(
    bare: Deployment, modest_admin: psycopg.Connection[Any]
) -> None:
    with modest_admin, pytest.raises(ProvisionError, match="run them once as a superuser") as caught:
        provision(modest_admin, bare.declaration)
    needed = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    words = ("pg_catalog", "EXTENSION", 'SCHEMA "public"', 'DATABASE "postgres"', 'DATABASE "template1"')
    assert all(any(word in line for word in words) for line in needed), needed


def test_administrator_without_superuser_does_the_rest(
    bare: Deployment, modest_admin: psycopg.Connection[Any]
) -> None:
    with modest_admin:
        with pytest.raises(ProvisionError) as caught:
            provision(modest_admin, bare.declaration)
        for line in str(caught.value).splitlines()[1:]:
            bare.admin.execute(line.encode())
        bare.run_as_owner("alpha", TABLES_OF_ALPHA)
        provision(modest_admin, bare.declaration)
        passwords = settle_passwords(modest_admin, [Passfile(bare.passfile, bare.declaration.login_roles)])
        assert passwords == len(bare.declaration.login_roles)
        assert settle_passwords(modest_admin, [Passfile(bare.passfile, bare.declaration.login_roles)]) == 0
        assert provision(modest_admin, bare.declaration).total() == 0
    assert bare.audit().difference.surplus == frozenset()


def test_password_of_the_file_wins_over_the_servers(deployment: Deployment) -> None:
    role = deployment.declaration.roles.rw("alpha")
    deployment.admin.execute(SQL("ALTER ROLE {} PASSWORD 'another'").format(Identifier(role)))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        deployment.login(role)
    deployment.provision()
    deployment.login(role).close()


def test_stored_verifier_is_recognised(deployment: Deployment) -> None:
    role = deployment.declaration.roles.migrator
    stored = deployment.admin.execute(
        "SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]
    ).fetchone()
    assert stored is not None
    assert verifies(entries(deployment.passfile)[role], stored[0])
    assert not verifies("guess", stored[0])
    assert not verifies("", "")


def test_lines_of_the_owner_of_a_passfile_stay_as_they_are(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "own.pgpass"
    own = "# mine\nother.example:5432:*:somebody:kept\n"
    path.write_text(own, encoding="utf-8")
    role = deployment.declaration.roles.public_reader

    settle_passwords(deployment.admin, [Passfile(path, (role,))])

    assert path.read_text(encoding="utf-8").startswith(own)
    assert entries(path).keys() == {"somebody", role}


def test_each_profiles_passfile_holds_exactly_its_roles(deployment: Deployment, tmp_path: Path) -> None:
    def path_of(profile: str) -> Path:
        return tmp_path / f"{profile}.pgpass"

    roles = deployment.declaration.roles
    write_passfile(path_of("public"), {roles.migrator: "should not be here"})
    settle_passwords(deployment.admin, profile_passfiles(deployment.declaration, path_of))

    assert set(entries(path_of("public"))) == {roles.public_reader}
    assert set(entries(path_of("private"))) == {roles.rw(m) for m in ("platform", "alpha", "beta", "order")}
    assert set(entries(path_of("migrator"))) == {
        roles.migrator,
        *(roles.module_migrator(m) for m in ("platform", "alpha", "beta", "order")),
    }
    assert path_of("private").stat().st_mode & 0o077 == 0


def test_no_password_reaches_a_statement(deployment: Deployment) -> None:
    role = deployment.declaration.roles.rw("alpha")
    write_passfile(deployment.passfile, entries(deployment.passfile) | {role: "plain text"})
    deployment.admin.execute("SET log_statement = 'all'")
    deployment.provision()
    log = deployment.cluster.log.read_text(encoding="utf-8", errors="replace")
    assert f'ALTER ROLE "{role}" PASSWORD' in log
    assert "plain text" not in log


def test_owner_brings_relation_grants_back_after_migrations(deployment: Deployment) -> None:
    roles = deployment.declaration.roles
    only = replace(
        deployment.declaration,
        modules=(replace(ALPHA, public_relations=(*ALPHA.public_relations, PublicRelation(name="fresh"))),),
        elsewhere=frozenset({"platform", "beta", "order"}),
    )
    with deployment.login(roles.module_migrator("alpha")) as connection:
        connection.execute(SQL("SET ROLE {}").format(Identifier(roles.owner("alpha"))))
        connection.execute("CREATE VIEW alpha.fresh AS SELECT id FROM alpha.thing")
        assert apply_schema_grants(connection, only).total() == 3
        assert apply_schema_grants(connection, only).total() == 0
    reader = deployment.login(roles.public_reader)
    with reader:
        assert len(reader.execute("SELECT id FROM fresh").fetchall()) == 2


def test_extension_that_stands_elsewhere_moves(bare: Deployment) -> None:
    bare.run("CREATE EXTENSION citext SCHEMA public")
    bare.provision()
    found = bare.admin.execute(
        "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'citext'"
    )
    assert found.fetchone() == ("extensions",)


def test_roles_of_thirty_modules_settle_in_seconds(bare: Deployment) -> None:
    modules = [Module(name=f"m{number}", tier=Tier.PRIVATE) for number in range(30)]
    many = replace(bare, declaration=declaration(bare.declaration.database, *modules))
    assert many.provision() > 300
    assert many.provision() == 0
