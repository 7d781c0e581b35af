"""`migrate_schemas`: each module in its own schema, as its owner, alone and all at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from monolith.embedded import PostgresCluster
from tests.generated_project import GeneratedProject

FRAMEWORK_TABLES = ("commandrecord", "job", "lane", "lease", "outbox", "position", "schedule", "switch")


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeneratedProject]:
    made = GeneratedProject(tmp_path_factory.mktemp("project"), ("alpha", "beta")).write()
    try:
        code, output = made.manage("provision")
        assert code == 0, output
        yield made
    finally:
        made.stop()


@pytest.fixture
def project(provisioned: GeneratedProject) -> Iterator[GeneratedProject]:
    """The provisioned project with empty schemas; what a test migrated is dropped afterwards."""
    yield provisioned
    for extra in provisioned.path.glob("modules/*/migrations/000[3-9]_*.py"):
        extra.unlink()
    with provisioned.admin() as connection:
        for schema, table, _ in tables(provisioned):
            connection.execute(SQL("DROP TABLE {}.{} CASCADE").format(Identifier(schema), Identifier(table)))
        for schema, function in functions(connection):
            connection.execute(SQL("DROP ROUTINE {}.{}").format(Identifier(schema), Identifier(function)))


def tables(project: GeneratedProject) -> set[tuple[str, str, str]]:
    query = """
        SELECT schemaname, tablename, tableowner FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
    """
    with project.admin() as connection:
        return {(row[0], row[1], row[2]) for row in connection.execute(query)}


def functions(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    query = """
        SELECT pronamespace::regnamespace::text, proname FROM pg_proc
        WHERE pg_get_userbyid(proowner) LIKE '%\\_owner'
    """
    return [(schema, name) for schema, name in connection.execute(query)]


def may(project: GeneratedProject, role: str, power: str, on: str, *, kind: str = "table") -> bool:
    query = SQL("SELECT has_{}_privilege(%s, %s, %s)").format(SQL(kind))
    with project.admin() as connection:
        (found,) = connection.execute(query, [role, on, power])
    return bool(found[0])


def test_each_schema_holds_its_own_tables_owned_by_its_owner(project: GeneratedProject) -> None:
    code, output = project.manage("migrate_schemas")

    assert code == 0, output
    found = tables(project)
    assert {row[:2] for row in found if row[0] == "alpha"} == {
        ("alpha", "alpha_item"),
        ("alpha", "alpha_part"),
        ("alpha", "django_migrations"),
        *(("alpha", f"monolith_{name}") for name in FRAMEWORK_TABLES),
    }
    assert {owner for schema, _, owner in found} == {
        "alpha_owner",
        "beta_owner",
        "platform_owner",
        "broker_owner",
    }
    assert ("platform", "auth_user", "platform_owner") in found


def test_each_schema_records_its_own_migrations_and_the_frameworks(project: GeneratedProject) -> None:
    project.manage("migrate_schemas")

    with project.admin() as connection:
        apps = {row[0] for row in connection.execute("SELECT DISTINCT app FROM alpha.django_migrations")}
    assert apps == {"alpha", "monolith"}


def test_second_run_applies_nothing(project: GeneratedProject) -> None:
    project.manage("migrate_schemas")

    code, output = project.manage("migrate_schemas")

    assert code == 0
    assert "4 schemas up to date, 0 migrations applied." in output


def test_plan_names_what_is_pending_and_changes_nothing(project: GeneratedProject) -> None:
    code, output = project.manage("migrate_schemas", "--plan")

    assert code == 0
    assert "alpha  alpha.0001_initial" in output
    assert tables(project) == set()


def test_only_the_named_module_is_migrated(project: GeneratedProject) -> None:
    project.manage("migrate_schemas", "--module", "beta")

    assert {schema for schema, _, _ in tables(project)} == {"beta"}


def test_unknown_module_is_refused_with_the_known_ones(project: GeneratedProject) -> None:
    code, output = project.manage("migrate_schemas", "--module", "gamma")

    assert code == 1
    assert "no such module: gamma; known: alpha, beta, platform, broker" in output


def test_failing_module_reports_and_leaves_the_others_done(project: GeneratedProject) -> None:
    project.add_migration("alpha", "0003_broken", operations="migrations.RunSQL('SELECT 1/0')")

    code, output = project.manage("migrate_schemas")

    assert code == 1
    assert "alpha  failed: division by zero" in output
    assert "1 failed: alpha. The others are done" in output
    assert {schema for schema, _, _ in tables(project)} == {"alpha", "beta", "platform", "broker"}


@pytest.mark.parametrize("options", [(), ("--parallel", "2")], ids=["alone", "parallel"])
def test_what_a_failing_module_made_before_has_its_grants(
    project: GeneratedProject, options: tuple[str, ...]
) -> None:
    function = "CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42'"
    project.add_migration("alpha", "0003_answer", operations=f"migrations.RunSQL({function!r})")
    project.add_migration(
        "alpha", "0004_broken", operations="migrations.RunSQL('SELECT 1/0')", after="0003_answer"
    )

    code, output = project.manage("migrate_schemas", *options)

    assert code == 1, output
    assert "1 failed: alpha. The others are done" in output
    # PostgreSQL lets everybody call a new function, and default privileges let the module write all its tables.
    assert may(project, "alpha_rw", "EXECUTE", "alpha.answer()", kind="function")
    assert not may(project, "beta_rw", "EXECUTE", "alpha.answer()", kind="function")
    assert may(project, "alpha_rw", "SELECT", "alpha.django_migrations")
    assert not may(project, "alpha_rw", "INSERT", "alpha.django_migrations")


def test_what_was_granted_by_hand_is_taken_away_with_nothing_to_migrate(project: GeneratedProject) -> None:
    assert project.manage("migrate_schemas")[0] == 0
    with project.admin() as connection:
        connection.execute("CREATE FUNCTION alpha.answer() RETURNS int LANGUAGE sql AS 'SELECT 42'")
        connection.execute("ALTER FUNCTION alpha.answer() OWNER TO alpha_owner")
        connection.execute("GRANT SELECT ON alpha.alpha_item TO beta_rw")
        connection.execute("GRANT UPDATE (weight) ON alpha.alpha_part TO PUBLIC")
        connection.execute("GRANT USAGE ON SEQUENCE alpha.alpha_item_id_seq TO beta_rw")
        connection.execute("GRANT SELECT ON beta.beta_item TO alpha_rw")

    code, output = project.manage("migrate_schemas", "--module", "alpha")

    assert code == 0, output
    assert "alpha  5 grants re-applied" in output  # four taken, one given: the module may call its function
    assert not may(project, "beta_rw", "EXECUTE", "alpha.answer()", kind="function")
    assert not may(project, "beta_rw", "SELECT", "alpha.alpha_item")
    assert not may(project, "beta_rw", "UPDATE", "alpha.alpha_part", kind="any_column")
    assert not may(project, "beta_rw", "USAGE", "alpha.alpha_item_id_seq", kind="sequence")
    assert may(project, "alpha_rw", "SELECT", "beta.beta_item")  # no business of this module's owner


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM beta.beta_item",
        "INSERT INTO beta.beta_item (title) VALUES ('planted')",
        "CREATE TABLE alpha.stolen (other bigint REFERENCES beta.beta_item)",
        "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'beta' || '.beta_item'; END $$",
        "SET ROLE beta_owner; DROP TABLE beta.beta_item",
        "RESET ROLE",
        "ALTER TABLE beta.beta_item ADD COLUMN spy int",
        "GRANT SELECT ON beta.beta_item TO alpha_rw",
    ],
)
def test_migration_that_reaches_into_another_module_is_refused(project: GeneratedProject, sql: str) -> None:
    project.manage("migrate_schemas", "--module", "beta")
    project.add_migration("alpha", "0003_reach", operations=f"migrations.RunSQL({sql!r})")

    code, output = project.manage("migrate_schemas", "--module", "alpha")

    assert code == 1
    assert "Module 'alpha' reached for '" in output
    assert "'beta'" in output or "'another role'" in output
    assert ("beta", "beta_item", "beta_owner") in tables(project)


@pytest.mark.parametrize(
    "sql",
    [
        "SAVEPOINT a; SET ROLE beta_owner; DROP TABLE beta.beta_item",
        'SET "role" = beta_owner; DROP TABLE beta.beta_item',
        "SELECT set_config('ro'||'le','beta_owner',false); DROP TABLE beta.beta_item",
        "DO $$ BEGIN EXECUTE 'SET RO' || 'LE beta_' || 'owner'; EXECUTE 'DROP TABLE be' || 'ta.beta_' || 'item'; END $$",
        "DO $$ BEGIN EXECUTE 'SET RO' || 'LE beta_' || 'migrator'; EXECUTE 'DROP TABLE be' || 'ta.beta_' || 'item'; END $$",
    ],
)
def test_migration_cannot_become_another_modules_owner(project: GeneratedProject, sql: str) -> None:
    assert project.manage("migrate_schemas", "--module", "beta")[0] == 0
    project.add_migration("alpha", "0003_become", operations=f"migrations.RunSQL({sql!r})")

    code, output = project.manage("migrate_schemas", "--module", "alpha")

    assert code == 1
    assert "permission denied to set role" in output or "Module 'alpha' reached for '" in output, output
    assert ("beta", "beta_item", "beta_owner") in tables(project)


def test_database_alone_refuses_another_modules_owner(project: GeneratedProject) -> None:
    cluster = PostgresCluster(project.path / "var")
    for role in ("migrator", "alpha_migrator"):
        with (
            psycopg.connect(
                cluster.url(), user=role, passfile=str(cluster.passfile("migrator"))
            ) as connection,
            pytest.raises(
                psycopg.errors.InsufficientPrivilege, match='permission denied to set role "beta_owner"'
            ),
        ):
            connection.execute("SELECT set_config('ro'||'le', 'beta_owner', false)")


def test_python_in_a_migration_is_refused_another_modules_model(project: GeneratedProject) -> None:
    project.manage("migrate_schemas", "--module", "beta")
    operation = "migrations.RunPython(lambda apps, editor: __import__('modules.beta.models').beta.models.Item.objects.count())"
    project.add_migration("alpha", "0003_reach", operations=operation)

    code, output = project.manage("migrate_schemas", "--module", "alpha")

    assert code == 1
    assert "Module 'alpha' reached for 'beta': the model beta.Item" in output


def test_foreign_key_by_string_is_refused_before_anything_runs(project: GeneratedProject) -> None:
    operation = (
        "migrations.AddField('Item', 'other', __import__('django.db.models').db.models.ForeignKey("
        "'beta.Item', null=True, on_delete=__import__('django.db.models').db.models.CASCADE))"
    )
    project.add_migration("alpha", "0003_reach", operations=operation)
    text = (project.path / "modules/alpha/migrations/0003_reach.py").read_text()
    (project.path / "modules/alpha/migrations/0003_reach.py").write_text(
        text.replace("dependencies = [", "dependencies = [('beta', '0001_initial'), ")
    )

    code, output = project.manage("migrate_schemas", "--module", "alpha")

    assert code == 1
    assert "Module 'alpha' has migrations that depend on beta.0001_initial" in output


def test_two_runs_at_once_take_turns(project: GeneratedProject) -> None:
    runs = [project.start("migrate_schemas", "--parallel") for _ in range(2)]
    outputs = [run.communicate(timeout=120)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], outputs
    with project.admin() as connection:
        rows = connection.execute(
            "SELECT app, name, count(*) FROM beta.django_migrations GROUP BY 1, 2"
        ).fetchall()
    assert [row for row in rows if row[2] != 1] == []
    assert sum("beta  beta.0001_initial" in output for output in outputs) == 1


def test_serving_process_may_not_migrate(project: GeneratedProject) -> None:
    code, output = project.manage("migrate_schemas", "--settings=settings.private")

    assert code == 1
    assert "run it with --settings=settings.migrator" in output


@pytest.mark.slow
def test_thirty_modules_in_parallel_and_again(tmp_path: Path) -> None:
    project = GeneratedProject(tmp_path, tuple(f"module{n:02}" for n in range(30))).write()
    try:
        assert project.manage("provision")[0] == 0

        code, output = project.manage("migrate_schemas", "--parallel")
        assert code == 0, output
        assert {schema for schema, _, _ in tables(project)} == {*project.names, "platform", "broker"}

        code, output = project.manage("migrate_schemas", "--parallel")
        assert "32 schemas up to date, 0 migrations applied." in output
    finally:
        project.stop()


def test_module_on_another_database_is_migrated_there(tmp_path: Path) -> None:
    project = GeneratedProject(tmp_path, ("alpha", "beta")).write()
    try:
        assert project.manage("provision")[0] == 0
        address = PostgresCluster(project.path / "var").url("elsewhere")
        for command in ("provision", "migrate_schemas", "audit"):
            code, output = project.manage(command, DATABASE_URL_ALPHA=address)
            assert code == 0, output

        assert {schema for schema, _, _ in tables(project)} == {"beta", "platform", "broker"}
        with project.admin("elsewhere") as connection:
            (found,) = connection.execute("SELECT count(*) FROM alpha.alpha_item")
        assert found == (0,)
    finally:
        project.stop()
