"""The declared state as an SQL script for a database administrator."""

from collections.abc import Iterator
from typing import Final

from psycopg.sql import SQL, Composable, Identifier, Literal

from monolith.access.catalog import CLOSED_FUNCTIONS, EMPTY_SERVER, SHARED_DATABASES
from monolith.access.declaration import Declaration
from monolith.access.expected import expected_facts
from monolith.access.facts import (
    PUBLIC,
    DefaultPrivilege,
    Difference,
    Fact,
    Facts,
    Kind,
    Privilege,
    Role,
    RoleAttribute,
    Thing,
)
from monolith.access.provision import LOCK
from monolith.access.statements import statements

HEADER: Final = """\
-- Roles, schemas and grants of the database {database}, as its modules declare them.
-- Run it with psql as a superuser, on an empty server or on an existing one: every statement may be repeated.
-- It sets no passwords: give each login role one (\\password ROLE), and put it in the passfile of its process.
-- Grants on tables, views and functions follow with `manage.py migrate_schemas`, which runs as their owners.
-- What was granted by hand and is not declared stays: `manage.py audit` names it, `manage.py provision` takes it away.
\\set ON_ERROR_STOP on
"""


def script(declaration: Declaration) -> str:
    """Return the complete, ordered script for psql that brings a server to the declared state."""
    database = declaration.database
    lines = [HEADER.format(database=database), *_database(database), "BEGIN;", f"{LOCK};"]
    lines += [f"{text};" for text in _statements(declaration)]
    return "\n".join([*lines, "COMMIT;", ""])


def _database(name: str) -> Iterator[str]:
    create = SQL("CREATE DATABASE {}").format(Identifier(name)).as_string()
    query = SQL("SELECT {} WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {})")
    yield f"{query.format(Literal(create), Literal(name)).as_string()} \\gexec"
    yield f"\\connect {Identifier(name).as_string()}"


def _statements(declaration: Declaration) -> Iterator[str]:
    expected = expected_facts(declaration, EMPTY_SERVER)
    roles = sorted(fact.name for fact in expected if isinstance(fact, Role))
    yield from (_guarded_role(role) for role in roles)
    rest = frozenset(fact for fact in expected if not isinstance(fact, Role) and not _superuser_word(fact))
    yield from (_guarded_database(name) for name in SHARED_DATABASES if name != declaration.database)
    for statement in statements(Difference(missing=rest, surplus=_open_by_default(declaration) - expected)):
        yield _text(statement.sql)


def _superuser_word(fact: Fact) -> bool:
    # Only a superuser may even say NOSUPERUSER; a role that is new has none of these.
    return isinstance(fact, RoleAttribute) and fact.attribute in {"superuser", "replication", "bypassrls"}


def _guarded_role(name: str) -> str:
    create = _text(SQL("CREATE ROLE {}").format(Identifier(name)))
    strip = _text(SQL("ALTER ROLE {} NOSUPERUSER NOREPLICATION NOBYPASSRLS").format(Identifier(name)))
    found = _text(SQL("SELECT FROM pg_roles WHERE rolname = {}").format(Literal(name)))
    return (
        f"DO $provision$ BEGIN\n  IF NOT EXISTS ({found}) THEN {create}; END IF;\n"
        f"  IF EXISTS ({found} AND (rolsuper OR rolreplication OR rolbypassrls)) THEN {strip}; END IF;\nEND $provision$"
    )


def _guarded_database(name: str) -> str:
    revoke = _text(SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(Identifier(name)))
    found = _text(SQL("SELECT FROM pg_database WHERE datname = {}").format(Literal(name)))
    return f"DO $provision$ BEGIN\n  IF EXISTS ({found}) THEN {revoke}; END IF;\nEND $provision$"


def _open_by_default(declaration: Declaration) -> Facts:
    functions = (Thing(Kind.FUNCTION, name, "pg_catalog", arguments) for name, arguments in CLOSED_FUNCTIONS)
    database = Thing(Kind.DATABASE, declaration.database)
    return frozenset(
        [
            *(Privilege(function, PUBLIC, "EXECUTE") for function in functions),
            *(Privilege(database, PUBLIC, privilege) for privilege in ("CONNECT", "TEMPORARY", "CREATE")),
            *(
                Privilege(Thing(Kind.SCHEMA, "public"), PUBLIC, privilege)
                for privilege in ("USAGE", "CREATE")
            ),
            *(DefaultPrivilege(owner, "", Kind.FUNCTION, PUBLIC, "EXECUTE") for owner in declaration.owners),
        ]
    )


def _text(sql: Composable) -> str:
    return sql.as_string()
