"""Trying, as each role, what it must not be able to do, and what it must."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from monolith.access.audit import Audit
from monolith.access.catalog import CLOSED_FUNCTIONS, Catalog, Connection, Function, Relation
from monolith.access.declaration import Declaration
from monolith.access.facts import Kind, Privilege, Thing
from monolith.access.findings import BRING_BACK, TAKE_AWAY, Finding
from monolith.access.statements import named

# Insufficient privilege. Without USAGE on a schema PostgreSQL may say that the relation or schema does not exist.
REFUSED: Final = frozenset({"42501", "42P01", "3F000"})
TABLE_KINDS: Final = frozenset("rp")

Login = Callable[[str], Connection]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One statement that a role either may or may not run."""

    what: str  # for people
    sql: Composed
    allowed: bool
    asks: bool = False  # the statement answers true or false instead of doing it


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How many statements were tried, and what should not have come out as it did."""

    tried: int
    findings: list[Finding]


def probe(audit: Audit, login: Login) -> ProbeResult:
    """Log in as every role and run every statement that it must not, and must, be able to run; roll all of it back.

    The statements are made from the catalogs, so a new module is covered the day it is added.
    """
    tried = 0
    found: list[Finding] = []
    for role in audit.declaration.login_roles:
        attempts = list(attempts_of(role, audit))
        tried += len(attempts)
        with login(role) as connection:
            found += _outcomes(connection, role, attempts)
    return ProbeResult(tried, found)


def attempts_of(role: str, audit: Audit) -> Iterator[Attempt]:
    """Yield every statement to try as `role`."""
    granted = frozenset(
        (fact.thing, fact.privilege, fact.column)
        for fact in audit.expected
        if isinstance(fact, Privilege) and fact.grantee == role
    )
    rights = _Rights(granted)
    yield from _on_relations(audit.catalog, rights)
    yield from _on_functions(audit.catalog, rights)
    yield from _on_closed_functions(rights)
    yield from _on_the_database(audit.declaration)
    yield from _on_roles(role, audit.declaration)


class _Rights:
    def __init__(self, granted: frozenset[tuple[Thing, str, str]]) -> None:
        self.granted = granted
        self.partly = frozenset((thing, privilege) for thing, privilege, _ in granted)

    def has(self, thing: Thing, privilege: str, column: str = "") -> bool:
        return (thing, privilege, "") in self.granted or (thing, privilege, column) in self.granted

    def has_any(self, thing: Thing, privilege: str) -> bool:
        return (thing, privilege) in self.partly


def _on_relations(catalog: Catalog, rights: _Rights) -> Iterator[Attempt]:
    for relation in catalog.relations:
        if relation.kind == "S":
            yield from _on_sequence(relation, rights)
        else:
            yield from _reads(relation, rights)
            yield from _writes(relation, rights)
            yield from _definitions(relation)


def _on_sequence(sequence: Relation, rights: _Rights) -> Iterator[Attempt]:
    name = Literal(Identifier(sequence.schema, sequence.name).as_string())
    if rights.has(sequence.thing, "USAGE"):  # asked, because a number once taken is not given back
        sql = SQL("SELECT pg_catalog.has_sequence_privilege({}, 'USAGE')").format(name)
        yield Attempt(f"nextval of {sequence.thing}", sql, allowed=True, asks=True)
    else:
        yield Attempt(f"nextval of {sequence.thing}", SQL("SELECT nextval({})").format(name), allowed=False)
    yield Attempt(f"setval of {sequence.thing}", SQL("SELECT setval({}, 1)").format(name), allowed=False)


def _reads(relation: Relation, rights: _Rights) -> Iterator[Attempt]:
    table, thing = Identifier(relation.schema, relation.name), relation.thing
    some = rights.has_any(thing, "SELECT")
    yield Attempt(f"SELECT on {thing}", SQL("SELECT FROM {} LIMIT 0").format(table), some)
    if not some:  # the statement above needs a privilege on any column at all
        return
    for column in relation.columns:
        sql = SQL("SELECT {} FROM {} LIMIT 0").format(Identifier(column), table)
        yield Attempt(f"SELECT of {thing}, column {column}", sql, rights.has(thing, "SELECT", column))


def _writes(relation: Relation, rights: _Rights) -> Iterator[Attempt]:
    table, thing = Identifier(relation.schema, relation.name), relation.thing
    if relation.kind not in TABLE_KINDS:
        # A view that cannot be written is refused for that reason before PostgreSQL looks at privileges.
        for privilege in ("INSERT", "UPDATE", "DELETE", "TRIGGER"):
            yield _asked(thing, privilege)
        return
    # Without a row: no default takes a number from a sequence, and none is refused for want of that sequence.
    insert = SQL("INSERT INTO {} SELECT WHERE false").format(table)
    yield Attempt(f"INSERT into {thing}", insert, rights.has(thing, "INSERT"))
    delete = SQL("DELETE FROM {} WHERE false").format(table)
    yield Attempt(f"DELETE of {thing}", delete, rights.has(thing, "DELETE"))
    for column in relation.columns:
        sql = SQL("UPDATE {} SET {} = DEFAULT WHERE false").format(table, Identifier(column))
        yield Attempt(f"UPDATE of {thing}, column {column}", sql, rights.has(thing, "UPDATE", column))
    yield Attempt(f"TRUNCATE of {thing}", SQL("TRUNCATE {}").format(table), allowed=False)
    yield Attempt(f"REINDEX of {thing}", SQL("REINDEX TABLE {}").format(table), allowed=False)
    trigger = SQL(
        "CREATE TRIGGER monolith_probe BEFORE UPDATE ON {} FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    )
    yield Attempt(f"CREATE TRIGGER on {thing}", trigger.format(table), allowed=False)
    # A foreign key needs a table of one's own, which no login role has: asked, not tried.
    yield _asked(thing, "REFERENCES")


def _asked(thing: Thing, privilege: str) -> Attempt:
    function = "has_table_privilege" if privilege in {"DELETE", "TRIGGER"} else "has_any_column_privilege"
    name = Literal(Identifier(thing.schema, thing.name).as_string())
    sql = SQL("SELECT pg_catalog.{}({}, {})").format(Identifier(function), name, Literal(privilege))
    return Attempt(f"{privilege} on {thing}", sql, allowed=False, asks=True)


def _definitions(relation: Relation) -> Iterator[Attempt]:
    table, thing = Identifier(relation.schema, relation.name), relation.thing
    if relation.kind in TABLE_KINDS:
        sql = SQL("ALTER TABLE {} ADD COLUMN monolith_probe integer").format(table)
        yield Attempt(f"ALTER of {thing}", sql, allowed=False)
        yield Attempt(f"DROP of {thing}", SQL("DROP TABLE {}").format(table), allowed=False)


def _on_functions(catalog: Catalog, rights: _Rights) -> Iterator[Attempt]:
    for function in catalog.functions:
        what, allowed = f"calling {function.thing}", rights.has(function.thing, "EXECUTE")
        types = [part for part in function.thing.arguments.split(", ") if part]
        if allowed or any(part == "internal" or part.startswith("any") for part in types):
            sql = SQL("SELECT pg_catalog.has_function_privilege({}, 'EXECUTE')")
            name = Literal(named(function.thing).as_string())
            yield Attempt(what, sql.format(name), allowed, asks=True)  # it may do work: asked, not called
        else:
            yield Attempt(what, _call(function, types), allowed=False)


def _call(function: Function, types: list[str]) -> Composed:
    arguments = SQL(", ").join([SQL("CAST(NULL AS {})").format(SQL(part)) for part in types])
    return SQL("SELECT {}({})").format(Identifier(function.thing.schema, function.thing.name), arguments)


def _on_closed_functions(rights: _Rights) -> Iterator[Attempt]:
    for name, arguments in CLOSED_FUNCTIONS:
        thing = Thing(Kind.FUNCTION, name, "pg_catalog", arguments)
        sql = SQL("SELECT pg_catalog.has_function_privilege({}, 'EXECUTE')").format(
            Literal(named(thing).as_string())
        )
        yield Attempt(f"calling {thing}", sql, rights.has(thing, "EXECUTE"), asks=True)


def _on_the_database(declaration: Declaration) -> Iterator[Attempt]:
    for schema in (*declaration.schemas, "extensions", "public"):
        sql = SQL("CREATE TABLE {} (id integer)").format(Identifier(schema, "monolith_probe"))
        yield Attempt(f"CREATE TABLE in schema {schema}", sql, allowed=False)
    for text in (
        "CREATE TEMPORARY TABLE monolith_probe (id integer)",
        "CREATE SCHEMA monolith_probe",
        "CREATE ROLE monolith_probe",
        "CREATE EXTENSION lo",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT FROM pg_authid LIMIT 0",
        "SELECT lo_creat(-1)",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, ''::bytea)",
        "SELECT pg_logical_emit_message(true, 'monolith_probe', '')",
        "SELECT pg_try_advisory_lock(4711)",
        "SELECT pg_try_advisory_xact_lock(47, 11)",
        "SELECT pg_cancel_backend(0)",
        "SELECT pg_terminate_backend(0)",
    ):
        yield Attempt(text, SQL("{}").format(SQL(text)), allowed=False)


def _on_roles(role: str, declaration: Declaration) -> Iterator[Attempt]:
    pairs = set(zip(declaration.module_migrators, declaration.owners, strict=True))
    for other in sorted({*declaration.login_roles, *declaration.owners} - {role}):
        allowed = (role, other) in pairs
        yield Attempt(f"SET ROLE {other}", SQL("SET ROLE {}").format(Identifier(other)), allowed)


def _outcomes(connection: Connection, role: str, attempts: list[Attempt]) -> Iterator[Finding]:
    # Read-only sessions refuse writes for a reason that any session can switch off, so it must not count.
    connection.execute("SET default_transaction_read_only = off")
    connection.commit()
    for attempt in attempts:
        permitted = _permitted(connection, attempt)
        if permitted and not attempt.allowed:
            yield Finding("probe", f"{role} is able to do this: {attempt.what}", TAKE_AWAY)
        elif attempt.allowed and not permitted:
            yield Finding("probe", f"{role} is not able to do this: {attempt.what}", BRING_BACK)


def _permitted(connection: Connection, attempt: Attempt) -> bool:
    """Say whether the role may: a statement that fails for another reason has passed the privilege check."""
    try:
        answer = connection.execute(attempt.sql)
        return answer.fetchone() == (True,) if attempt.asks else True
    except psycopg.Error as error:
        return error.sqlstate not in REFUSED
    finally:
        connection.rollback()
