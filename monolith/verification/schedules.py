"""Rows of schedules in the database against the tasks that the code declares."""

import os
from collections.abc import Iterable, Iterator

import psycopg
from psycopg.sql import SQL, Identifier

from monolith.access.catalog import Connection
from monolith.access.declaration import Declaration, declarations
from monolith.access.login import Login
from monolith.composition import composed
from monolith.environment import Environment, module_urls
from monolith.errors import EmbeddedServiceError
from monolith.jobs.registry import find, tasks_of
from monolith.module import PLATFORM, Module
from monolith.verification.grants import start_embedded_server
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

_SCHEMAS = """
SELECT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relname = 'monolith_schedule' AND nspname = ANY (%s) ORDER BY nspname
"""


def schedule_violations(system: System) -> Iterator[Violation]:
    """Yield every schedule in the database that no task declares. Needs loaded apps; starts an embedded server."""
    try:
        start_embedded_server()
    except EmbeddedServiceError as error:
        yield _unreachable("the schedules cannot be read", error)
    else:
        yield from orphans(system.modules.values(), composed().environment)


def orphans(modules: Iterable[Module], environment: Environment) -> Iterator[Violation]:
    """Yield the orphaned schedules in the databases that `environment` names."""
    for url, declaration in declarations(tuple(modules), environment, module_urls(os.environ)):
        login = Login(url, declaration)
        try:
            found = list(_rows(login, declaration))
        except psycopg.OperationalError as error:
            yield _unreachable(f"the schedules in {declaration.database!r} cannot be read", error)
            continue
        for module, name in found:
            if what := _fault(module, name):
                yield Violation(
                    place=Place(),
                    code=Code.SCHEDULES_ORPHAN,
                    module=module,
                    message=f"{declaration.database}: the schedule {name} {what}, and does not fire",
                    fix="declare it again, or remove it with `manage.py jobs orphans --remove`",
                )


def _rows(login: Login, declaration: Declaration) -> Iterator[tuple[str, str]]:
    with login(declaration.roles.migrator) as connection:
        here = [name for name in declaration.schemas if name in composed().modules]
        schemas = [row[0] for row in connection.execute(_SCHEMAS, [here])]
    for module in schemas:
        with login(declaration.roles.module_migrator(module)) as connection:
            yield from ((module, name) for name in _names(connection, declaration, module))


def _names(connection: Connection, declaration: Declaration, module: str) -> list[str]:
    connection.execute(SQL("SET ROLE {}").format(Identifier(declaration.roles.owner(module))))
    table = Identifier(module, "monolith_schedule")
    return [row[0] for row in connection.execute(SQL("SELECT name FROM {} ORDER BY name").format(table))]


def _fault(module: str, name: str) -> str:
    task = tasks_of(module).get(name)
    if task is not None:
        return "" if task.timing else "is of a task that is no longer due by itself"
    return "is of a function that is no task any more" if find(name) else "is of a task that is gone"


def _unreachable(what: str, error: Exception) -> Violation:
    return Violation(
        place=Place(),
        code=Code.SCHEDULES_UNREACHABLE,
        module=PLATFORM,
        message=f"{what}: {str(error).strip().partition(chr(10))[0]}",
        fix="start the database and run `manage.py prepare`, or leave schedules out with --no-database",
    )
