"""The guard on every connection: it catches what goes past the router.

`.using()` picks a connection by name and a raw cursor names tables in text; neither asks the router. Every
cursor of a connection compares both with the current module before it sends a statement, also for COPY and
for cursors taken from the psycopg connection itself. What it cannot read (dynamic SQL, functions) PostgreSQL
refuses by itself; the guard then says which two modules the refusal is about.
"""

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import psycopg
from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.sql import Composable

from monolith.boundary import allowed, require_allowed
from monolith.composition import composed
from monolith.context import current_scope
from monolith.errors import BoundaryViolation, ReadingLeft, SessionViolation
from monolith.module import PLATFORM
from monolith.profile import Profile
from monolith.scope import call_scope
from monolith.statement import Names, Reading, names_of, read
from monolith.tenancy.errors import TenantNamed

# insufficient_privilege, undefined_table (what a missing USAGE looks like), invalid_schema_name
_REFUSALS: Final = frozenset({"42501", "42P01", "3F000"})
_CACHED_LENGTH: Final = 8_192  # longer statements are read each time, so that the cache stays small

if TYPE_CHECKING:
    _Cursor = psycopg.Cursor[Any]
else:
    _Cursor = object


def install(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give a connection guarded cursors; a receiver of Django's `connection_created`."""
    raw = connection.connection
    raw.cursor_factory = _guarded(raw.cursor_factory, connection.alias)
    raw.server_cursor_factory = _guarded(raw.server_cursor_factory, connection.alias)


class GuardedCursor(_Cursor):
    """A psycopg cursor that refuses, before it is sent, a statement that is not the current module's.

    Every method that sends a statement raises BoundaryViolation naming both modules.
    """

    monolith_alias: str

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        with self._guarding(query):
            return super().execute(query, *args, **options)

    def executemany(self, query: Any, *args: Any, **options: Any) -> None:
        with self._guarding(query):
            super().executemany(query, *args, **options)

    def stream(self, query: Any, *args: Any, **options: Any) -> Iterator[Any]:
        with self._guarding(query):
            yield from super().stream(query, *args, **options)

    @contextmanager
    def copy(self, statement: Any, *args: Any, **options: Any) -> Generator[Any]:
        with self._guarding(statement), super().copy(statement, *args, **options) as copy:
            yield copy

    def _guarding(self, query: Any) -> "_Guarding":
        return _Guarding(self, query)


class _Guarding:
    """Checks a statement on entry and explains PostgreSQL's refusal on exit.

    A class, not a generator: it is entered for every statement, and this costs a third.
    """

    __slots__ = ("_statement",)

    def __init__(self, cursor: GuardedCursor, query: Any) -> None:
        self._statement = query if isinstance(query, str) else _text(query, cursor)
        _check(cursor.monolith_alias, self._statement)

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if isinstance(error, psycopg.Error) and error.sqlstate in _REFUSALS:
            _explain(error, self._statement)


@lru_cache(maxsize=64)  # bounded, because tracing makes a class for every connection
def _guarded(base: type, alias: str) -> type:
    if issubclass(base, GuardedCursor):
        return base
    return type(f"Guarded{base.__name__}", (GuardedCursor, base), {"monolith_alias": alias})


def _check(alias: str, statement: str) -> None:
    reading = (_read_cached if len(statement) <= _CACHED_LENGTH else _read)(statement)
    if reading is None:
        return
    scope = current_scope()
    for owner in {*reading.owners, *_alias_owner(alias)}:
        if not allowed(scope, owner):
            require_allowed(owner, f"the statement {_shortened(statement)} on the connection '{alias}'")
    if reading.changes_role:
        raise BoundaryViolation(
            current=scope.module, target="another role", what=f"the statement {_shortened(statement)}"
        )
    if reading.changes_session and composed().profile is not Profile.MIGRATOR:
        raise SessionViolation(module=scope.module, statement=_shortened(statement))
    if reading.names_tenant and composed().profile is not Profile.MIGRATOR:
        raise TenantNamed(module=scope.module, statement=_shortened(statement))
    if reading.controls_transaction and call_scope().reads_only:
        raise ReadingLeft(module=scope.module, statement=_shortened(statement))
    if reading.is_dynamic and _has_tenant_tables(alias):
        raise TenantNamed(module=scope.module, statement=_shortened(statement))


def _has_tenant_tables(alias: str) -> bool:
    declared = composed().declared
    return any(declared[owner].tenant_tables for owner in _alias_owner(alias) if owner in declared)


@cache
def _alias_owner(alias: str) -> tuple[str, ...]:
    owner = composed().owner_of_alias(alias)
    return (owner,) if owner else ()


def _text(query: Any, cursor: GuardedCursor) -> str:
    if isinstance(query, Composable):
        return query.as_string(cursor)
    return query.decode() if isinstance(query, bytes) else str(query)


def _read(statement: str) -> Reading | None:
    return read(statement, _names())


_read_cached = lru_cache(maxsize=4096)(_read)


@cache
def _names() -> Names:
    return names_of(composed(), apps.get_models(include_auto_created=True))


def _explain(error: psycopg.Error, statement: str) -> None:
    """Turn PostgreSQL's refusal into a violation that names both modules, where it is one."""
    scope = current_scope()
    # Here literals count too: dynamic SQL hides its tables in them.
    for text in (str(error), statement):
        for owner in _all_named_in(text):
            if not allowed(scope, owner):
                raise BoundaryViolation(
                    current=scope.module,
                    target=owner,
                    what=f"PostgreSQL refused the statement {_shortened(statement)} ({str(error).splitlines()[0]})",
                ) from error


def _all_named_in(text: str) -> Iterable[str]:
    yield from _names().owners_in(text)
    known = {*composed().declared, PLATFORM}
    yield from (name for name in re.findall(r"\bschema \"?(\w+)", text) if name in known)


def _shortened(statement: str) -> str:
    line = " ".join(statement.split())
    return repr(line if len(line) <= 120 else f"{line[:117]}...")
