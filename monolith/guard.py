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
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg
from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.sql import Composable

from monolith.boundary import allowed, require_allowed
from monolith.composition import composed
from monolith.context import current_scope
from monolith.errors import BoundaryViolation, SessionViolation
from monolith.module import PLATFORM
from monolith.profile import Profile

# Statements that touch no row: transaction control, and what Django and its pool send to check a connection. One
# statement only: whatever follows a semicolon would pass unread.
_HARMLESS: Final = re.compile(
    r"\s*(?:(?:SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT|SET CONSTRAINTS)\b[^;]*"
    r"|SELECT 1|SELECT set_config\('TimeZone', [^();]*\))?;?\s*",
    re.IGNORECASE,
)
# In literals too, where dynamic SQL hides it: `SELECT 'set role'` is refused for nothing, and can be bound.
_ROLE_CHANGE: Final = re.compile(
    r'\b(SET|RESET)\s+(LOCAL\s+|SESSION\s+)?"?(ROLE\b|SESSION_AUTHORIZATION\b|SESSION\s+AUTHORIZATION\b)'
    r"|\bset_config\s*\(\s*'(role|session_authorization)'",
    re.IGNORECASE,
)
# What outlives the transaction stays on a connection that is handed to others.
_SESSION_CHANGE: Final = re.compile(
    r"(^|;)\s*(SET\s+(?!LOCAL\b|CONSTRAINTS\b|TRANSACTION\b)|RESET\b|DISCARD\b)"
    r"|\bset_config\s*\((?![^()]*,\s*true\s*\))",
    re.IGNORECASE,
)
_COMMENTS: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_LITERALS: Final = re.compile(r"'(?:[^']|'')*'")
# Statements whose literals are SQL too, or whose quoting is not the plain one: there every word counts.
_READ_WHOLE: Final = re.compile(
    r"^\s*DO\b|\bEXECUTE\b|\bCREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)\b|_to_xml|\bE'|\$\w*\$|\bU&",
    re.IGNORECASE,
)
_UNICODE_NAME: Final = re.compile(r'\bU&"', re.IGNORECASE)
_WORDS: Final = re.compile(r"\w+")
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
    read = _read_cached if len(statement) <= _CACHED_LENGTH else _read
    reading = read(statement)
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


@cache
def _alias_owner(alias: str) -> tuple[str, ...]:
    owner = composed().owner_of_alias(alias)
    return (owner,) if owner else ()


def _text(query: Any, cursor: GuardedCursor) -> str:
    if isinstance(query, Composable):
        return query.as_string(cursor)
    return query.decode() if isinstance(query, bytes) else str(query)


class Reading(NamedTuple):
    """What the guard understands of a statement."""

    owners: tuple[str, ...]  # of every table it names
    changes_role: bool
    changes_session: bool  # beyond its transaction


def _read(statement: str) -> Reading | None:
    """Read a statement; None when it touches no row."""
    if _HARMLESS.fullmatch(statement):
        return None
    code = _COMMENTS.sub(" ", statement)
    plain = _LITERALS.sub("''", code)
    text = statement if _READ_WHOLE.search(code) else plain
    return Reading(
        owners=_owners_named_in(text),
        # An escaped name could be any name: nothing that Django writes has one.
        changes_role=any(pattern.search(code) for pattern in (_ROLE_CHANGE, _UNICODE_NAME)),
        changes_session=_SESSION_CHANGE.search(plain) is not None,
    )


_read_cached = lru_cache(maxsize=4096)(_read)


def _owners_named_in(text: str) -> tuple[str, ...]:
    tables, schemas = _names()
    text = text.lower()
    found = {tables[name] for name in _WORDS.findall(text) if name in tables}
    found |= {match.group(1) for match in schemas.finditer(text)}
    return tuple(sorted(found))


@cache
def _names() -> tuple[dict[str, str], re.Pattern[str]]:
    """Return the owner of every known table, and a pattern for schema-qualified names."""
    composition = composed()
    # What modules that are not composed here show the public is readable all the same.
    tables = {
        relation.name: name for name, m in composition.declared.items() for relation in m.public_relations
    }
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table.replace('"', "").rpartition(".")[2].lower()
        owner = composition.module_of_label(model._meta.app_label)
        # An unmanaged model may be a view of its own module, or the twin of another module's table: the
        # twin must not take the table over.
        if model._meta.managed or (table not in tables and _prefix_owner(table) in (owner, None)):
            tables[table] = owner
    schemas = "|".join(map(re.escape, (*composition.declared, PLATFORM)))
    return tables, re.compile(rf'(?<![\w".])"?({schemas})"?\s*\.\s*["\w*]')


def _prefix_owner(table: str) -> str | None:
    """Return the module with the longest name that `table` begins with."""
    names = [name for name in composed().declared if table.startswith(f"{name}_")]
    return max(names, key=len, default=None)


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
    yield from _owners_named_in(text)
    known = {*composed().declared, PLATFORM}
    yield from (name for name in re.findall(r"\bschema \"?(\w+)", text) if name in known)


def _shortened(statement: str) -> str:
    line = " ".join(statement.split())
    return repr(line if len(line) <= 120 else f"{line[:117]}...")
