"""Running one module's migrations in its own schema, as its owner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django_pgschemas.schema import Schema

from monolith.access.provision import apply_relation_grants
from monolith.boundary import belongs
from monolith.composition import composed
from monolith.context import entering
from monolith.errors import MonolithError
from monolith.module import BROKER, PLATFORM

# Held by a transaction of its own while a module migrates, so that two runs at once take turns. A
# transaction-level lock ends with its connection, also when the process is killed.
LOCK_MODULE = (
    "SELECT pg_advisory_xact_lock(hashtextextended('monolith:migrate:' || current_database() || %s, 0))"
)
# The transaction that holds the lock is idle for as long as the migrations take.
LOCK_WITHOUT_LIMITS = """
SELECT set_config('idle_in_transaction_session_timeout', '0', true),
       set_config('transaction_timeout', '0', true),
       set_config('lock_timeout', '0', true),
       set_config('statement_timeout', '0', true)
"""

Progress = Callable[[str], None]


class ForeignMigration(MonolithError):
    """A module's migration depends on another module's or on the platform's."""

    def __init__(self, *, module: str, foreign: list[str]) -> None:
        super().__init__(
            f"Module '{module}' has migrations that depend on {', '.join(foreign)}, which live in another schema. "
            f"Remove the dependency: keep plain ids instead of foreign keys, and no string reference to other apps."
        )


@dataclass(frozen=True, slots=True)
class MigrationOutcome:
    """What happened to one module."""

    module: str
    applied: tuple[str, ...] = ()
    grants: int = 0  # statements that brought relation grants back to what is declared
    error: str = ""  # of the exception that ended it; what was applied before stays


def migration_order() -> list[str]:
    """Return what has a schema here: the composed modules, then the platform and the broker."""
    return [*composed().modules, PLATFORM, BROKER]


def pending(module: str) -> list[str]:
    """Return the names of the migrations that `module`'s schema still lacks, in order.

    Raises ForeignMigration when one of them belongs to another schema.
    """
    with _active(module):
        return [str(migration) for migration in _plan(MigrationExecutor(connection), module)]


def migrate(module: str, *, progress: Progress) -> MigrationOutcome:
    """Apply `module`'s pending migrations and bring its relation grants back to what is declared."""
    grants = 0

    def follow(action: str, migration: Migration | None = None, fake: bool | None = None) -> None:  # noqa: FBT001 (Django's)
        nonlocal grants
        if action == "apply_start":
            progress(str(migration))
        if action == "apply_success":
            # Not once at the end: what a migration made anew is served from the moment it commits.
            grants += apply_relation_grants(connection, module)

    with _active(module), _lock(module):
        executor = MigrationExecutor(connection, follow)
        plan = _plan(executor, module)
        if plan:
            executor.migrate([(migration.app_label, migration.name) for migration in plan])
        else:  # what was granted or revoked by hand since the last migration
            grants += apply_relation_grants(connection, module)
        if module == PLATFORM:
            _describe_models()
        return MigrationOutcome(module, tuple(map(str, plan)), grants)


def _plan(executor: MigrationExecutor, module: str) -> list[Migration]:
    def is_its_own(label: str) -> bool:
        return belongs(composed().module_of_label(label), module)

    targets = [node for node in executor.loader.graph.leaf_nodes() if is_its_own(node[0])]
    plan = [migration for migration, _ in executor.migration_plan(targets)]
    if foreign := sorted({str(m) for m in plan if not is_its_own(m.app_label)}):
        raise ForeignMigration(module=module, foreign=foreign)
    return plan


@contextmanager
def _active(module: str) -> Iterator[None]:
    connection.close()  # the role is chosen when a connection opens
    try:
        with entering(module), Schema.create(module):
            yield
    finally:
        connection.close()


@contextmanager
def _lock(module: str) -> Iterator[None]:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute(LOCK_WITHOUT_LIMITS)
        other.execute(LOCK_MODULE, [module])
        yield


def _describe_models() -> None:
    # The admin's permissions are rows of the platform about every module's models.
    for app in apps.get_app_configs():
        create_contenttypes(app, verbosity=0)
        create_permissions(app, verbosity=0)
