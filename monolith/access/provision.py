"""Bringing a database to what is declared, and taking away what is not."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import errors
from psycopg.sql import SQL, Identifier

from monolith.access.catalog import Catalog, Connection, read_catalog, read_schema
from monolith.access.declaration import HOST_MODULES, Declaration
from monolith.access.expected import expected_facts, expected_relation_facts
from monolith.access.facts import Difference, Facts, Membership, mendable
from monolith.access.statements import Statement, statements
from monolith.errors import ProvisionError

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from monolith.embedded import PostgresCluster

# Ends with its transaction, so it holds behind a pooler, and a killed process leaves no lock behind.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('monolith:provision', 0))"
# Nobody holds the lock for longer than a run takes, seconds; a run that waits on and on would say nothing.
LOCK_WAIT_S: Final = 30
ROUNDS: Final = 4  # a new owner or a function's new rights show new facts; two rounds settle what we know of
ATTEMPTS: Final = 5  # roles are shared by a server: a run for another database may change the same row

Progress = Callable[[Statement], None]
Also = Callable[[Connection], object]
ReadDifference = Callable[[], Difference]


def provision(
    connection: Connection,
    declaration: Declaration,
    *,
    progress: Progress = lambda statement: None,
    also: Also = lambda connection: None,
    keep: bool = True,
) -> Counter[str]:
    """Bring the connected database to what is declared; return how many statements of each kind it took.

    Creates roles, schemas and extensions, grants what is declared and takes away every other power. Never drops a
    schema, a table or a row. `also` runs in the same transaction once roles exist. Without `keep` everything is rolled
    back at the end, for a plan. Safe to run twice at once. Raises ProvisionError with the statements that need more
    rights than this connection has.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _provision_once(connection, declaration, progress, also, keep=keep)
        except (
            errors.InternalError_,
            errors.UniqueViolation,
            errors.DuplicateObject,
            errors.DeadlockDetected,
        ):
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def drift(connection: Connection, declaration: Declaration) -> tuple[Catalog, Facts]:
    """Return what the catalogs say and what is expected given what exists."""
    catalog = read_catalog(connection, declaration)
    return catalog, expected_facts(declaration, catalog)


def ensure_database(admin: Connection, name: str) -> bool:
    """Create the database `name` unless it exists; say whether it was created. Needs autocommit."""
    with admin.cursor() as cursor:
        if cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is not None:
            return False
        try:
            cursor.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        except (errors.DuplicateDatabase, errors.UniqueViolation):  # somebody else was quicker
            return False
        return True


def apply_relation_grants(connection: "BaseDatabaseWrapper", module: str) -> int:
    """Bring the grants on a module's relations and functions to what is declared; return how many statements it took.

    For the migrator after SET ROLE to the module's owner: it changes only what an owner may, in that one schema.
    Raises ProvisionError when something in the schema belongs to another role.
    """
    from monolith.composition import composed

    composition = composed()
    chosen = HOST_MODULES.get(module) or composition.declared[module]
    declaration = Declaration(
        database=str(connection.settings_dict["NAME"]),
        roles=composition.roles,
        modules=(chosen,),
        elsewhere=frozenset({*HOST_MODULES, *composition.declared}) - {module},
    )
    connection.ensure_connection()
    return apply_schema_grants(connection.connection, declaration).total()


def apply_schema_grants(connection: Connection, declaration: Declaration) -> Counter[str]:
    """Bring relation and function grants in the declared schemas to what is declared, as their owner."""

    def read() -> Difference:
        catalog = read_schema(connection, declaration)
        return mendable(expected_relation_facts(declaration, catalog), catalog.facts)

    with connection.transaction():
        work = _Convergence(connection, read)
        if left := work.run(lambda statement: None):
            raise work.unfinished(left)
        return work.done


def _provision_once(
    connection: Connection, declaration: Declaration, progress: Progress, also: Also, *, keep: bool
) -> Counter[str]:
    def read() -> Difference:
        catalog, expected = drift(connection, declaration)
        return mendable(expected, catalog.facts - _borrowed(catalog.facts, connection))

    with connection.transaction():
        _take_turns(connection)
        work = _Convergence(connection, read)
        with _borrowing(connection, declaration):
            left = work.run(progress)
        also(connection)
        if not keep:
            raise psycopg.Rollback
    if left:  # what could be done stays done
        raise work.unfinished(left)
    return work.done


def _take_turns(connection: Connection) -> None:
    """Wait until no other run is in its transaction; raise ProvisionError when that takes too long."""
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_WAIT_S}s"])
            connection.execute(LOCK)
            connection.execute("SET LOCAL lock_timeout TO DEFAULT")
    except errors.LockNotAvailable:
        raise ProvisionError(
            f"Another `manage.py provision` has been running in this database for {LOCK_WAIT_S} s. Wait for it to end, "
            f"or look for who holds an advisory lock in pg_locks and end that session; then run it again."
        ) from None
    except errors.InsufficientPrivilege:
        # An administrator that is no superuser, once EXECUTE is taken from PUBLIC. Two such runs at once meet at a row
        # that both change, and the later one starts again.
        return


class _Convergence:
    """Executes a difference until there is none."""

    def __init__(self, connection: Connection, read: ReadDifference) -> None:
        self.connection = connection
        self.read = read
        self.done: Counter[str] = Counter()

    def run(self, progress: Progress) -> Difference:
        """Execute until nothing is left to do; return what this connection may not do."""
        change = self.read()
        for _ in range(ROUNDS):
            if not change:
                break
            for statement in statements(change):
                self._execute(statement, progress)
            change = self.read()
        return change

    def _execute(self, statement: Statement, progress: Progress) -> None:
        try:
            with self.connection.transaction():
                self.connection.execute(statement.sql)
        except errors.InsufficientPrivilege:
            return  # it is still to do when the catalogs are read again, and reported then
        self.done[statement.kind] += 1
        progress(statement)

    def unfinished(self, left: Difference) -> ProvisionError:
        needed = [statement.sql.as_string(self.connection) for statement in statements(left)]
        return ProvisionError(
            "These statements need more rights than this connection has; run them once as a superuser:\n"
            + "\n".join(f"  {text};" for text in needed)
        )


@contextmanager
def _borrowing(connection: Connection, declaration: Declaration) -> Iterator[None]:
    """Let an administrator that is no superuser act as the owners while the block runs."""
    if _is_superuser(connection):
        yield
        return
    connection.execute("SET LOCAL createrole_self_grant = 'set, inherit'")
    for owner in _existing(connection, declaration.owners):
        connection.execute(
            SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(Identifier(owner))
        )
    yield
    for role in _existing(connection, [*declaration.owners, *declaration.login_roles]):
        connection.execute(
            SQL("REVOKE {} FROM CURRENT_USER GRANTED BY CURRENT_USER").format(Identifier(role))
        )


def _is_superuser(connection: Connection) -> bool:
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return row is not None and bool(row[0])


def _existing(connection: Connection, roles: Iterable[str]) -> list[str]:
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(roles)])
    return sorted(row[0] for row in rows)


def _borrowed(facts: Facts, connection: Connection) -> Facts:
    user = connection.info.user
    return frozenset(
        fact for fact in facts if isinstance(fact, Membership) and fact.member == fact.grantor == user
    )


def provision_database(cluster: "PostgresCluster", name: str) -> Counter[str]:
    """Create and provision the database `name` of an embedded server with all declared modules and passfiles."""
    from monolith.access.passwords import profile_passfiles, settle_passwords
    from monolith.composition import composed

    composition = composed()
    declaration = Declaration(
        database=name,
        roles=composition.roles,
        modules=(*HOST_MODULES.values(), *composition.declared.values()),
    )
    passfiles = profile_passfiles(declaration, cluster.passfile)
    passfile = str(cluster.passfile("admin"))
    with psycopg.connect(cluster.admin_url, passfile=passfile, autocommit=True) as connection:
        ensure_database(connection, name)
    with psycopg.connect(cluster.admin_url, dbname=name, passfile=passfile, autocommit=True) as connection:
        return provision(connection, declaration, also=lambda inside: settle_passwords(inside, passfiles))
