"""No way across: every known way from one module into another is refused, in every process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from psycopg import errors
from psycopg.sql import SQL, Identifier

from monolith import composed
from monolith.environment import connection_parameters
from monolith.module import PLATFORM, Tier
from settings.modules import MODULES
from tests.architecture.ways import WAYS, attempt, concrete_models

ROOT = Path(__file__).resolve().parents[2]
NAMES = [module.name for module in MODULES]
PAIRS = [(current, target) for current in NAMES for target in NAMES if current != target]
# A module without public routes is not even loaded there: its models cannot be had, and `audit --probe` tries its tables.
PUBLIC = {module.name for module in MODULES if Tier.PUBLIC in module.tier}
PUBLIC_PAIRS = [pair for pair in PAIRS if PUBLIC.issuperset(pair)]

# One statement per verb, for a role that holds no guard at all: PostgreSQL alone must refuse.
VERBS = {
    "select": "SELECT * FROM {} LIMIT 0",
    "insert": "INSERT INTO {} DEFAULT VALUES",
    "update": "UPDATE {} SET ctid = ctid",
    "delete": "DELETE FROM {}",
    "truncate": "TRUNCATE {}",
    "references": "CREATE TABLE stolen (other bigint REFERENCES {})",
    "lock": "LOCK TABLE {}",
    "trigger": "CREATE TRIGGER spy AFTER INSERT ON {} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "drop": "DROP TABLE {}",
    "alter": "ALTER TABLE {} ADD COLUMN spy int",
    "copy": "COPY {} TO STDOUT",
}
REFUSED = (errors.InsufficientPrivilege, errors.UndefinedTable, errors.InvalidSchemaName)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("current", "target"), PAIRS)
@pytest.mark.usefixtures("committed_db")
def test_private_process_refuses(current: str, target: str, way: str) -> None:
    found = attempt(current, target, way)

    assert found.refused, found


@pytest.mark.parametrize(
    "way", [name for name in WAYS if name != "in_a_new_thread"]
)  # a new thread is the host
@pytest.mark.parametrize("current", NAMES)
@pytest.mark.usefixtures("committed_db")
def test_private_process_refuses_the_platforms_tables(current: str, way: str) -> None:
    found = attempt(current, PLATFORM, way, model=get_user_model())

    assert found.refused, found


def table_of(target: str) -> SQL | Any:
    model = next(concrete_models(target))
    return SQL("{}.{}").format(Identifier(target), Identifier(model._meta.db_table))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("current", "target"), [*PAIRS, *((name, PLATFORM) for name in NAMES)])
@pytest.mark.usefixtures("committed_db")
def test_postgresql_alone_refuses(current: str, target: str, verb: str) -> None:
    table = (
        SQL("{}.{}").format(Identifier(PLATFORM), Identifier("auth_user"))
        if target == PLATFORM
        else table_of(target)
    )
    options = connections[current].get_connection_params()
    with (
        psycopg.connect(
            host=options["host"],
            port=options["port"],
            dbname=options["dbname"],
            user=options["user"],
            passfile=options["passfile"],
        ) as connection,
        pytest.raises(REFUSED),
    ):
        connection.execute(SQL(VERBS[verb]).format(table))


@pytest.fixture(scope="session")
def public_attempts(django_db_setup: None) -> dict[tuple[str, str, str], dict[str, Any]]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("DATABASE_URL")}
    environ["DJANGO_SETTINGS_MODULE"] = "settings.public"
    result = subprocess.run(
        [sys.executable, "-m", "tests.architecture.ways"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {(line["current"], line["target"], line["way"]): line for line in lines}


@pytest.mark.parametrize("way", [name for name in WAYS if name != "content_type"])  # no content types there
@pytest.mark.parametrize(("current", "target"), PUBLIC_PAIRS)
def test_public_process_refuses(
    public_attempts: dict[tuple[str, str, str], dict[str, Any]], current: str, target: str, way: str
) -> None:
    found = public_attempts[current, target, way]

    assert found["refused"], found


def test_public_process_has_no_content_types(
    public_attempts: dict[tuple[str, str, str], dict[str, Any]],
) -> None:
    outcomes = {line["error"] for key, line in public_attempts.items() if key[2] == "content_type"}

    assert outcomes == {"RuntimeError"}  # the model is not in INSTALLED_APPS


def test_every_composed_module_takes_part() -> None:
    assert set(NAMES) == set(composed().declared)
    assert connection_parameters(composed().environment.database_url)["dbname"]
