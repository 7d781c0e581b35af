"""The guard on every connection: it catches what goes past the router.

`.using()` picks a connection by name and a raw cursor names tables in text; neither asks the router. The
guard compares both with the current module before the statement is sent. What it cannot read (dynamic SQL,
functions) PostgreSQL refuses by itself; the guard then says which two modules the refusal is about.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any, Final

from django.apps import apps
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.sql import Composable

from monolith.boundary import allowed, require_allowed
from monolith.composition import composed
from monolith.context import current_scope
from monolith.errors import BoundaryViolation
from monolith.module import PLATFORM
from monolith.profile import Profile

# Statements that name no row and no table: whoever holds a connection may begin and end on it.
_TRANSACTION_CONTROL: Final = re.compile(
    r"\s*(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT|SET CONSTRAINTS)\b", re.IGNORECASE
)
_ROLE_CHANGE: Final = re.compile(
    r"\b(SET|RESET)\s+(LOCAL\s+|SESSION\s+)?(ROLE|SESSION\s+AUTHORIZATION)\b", re.IGNORECASE
)
_ROLE_SETTING: Final = re.compile(r"\bset_config\s*\(\s*'(role|session_authorization)'", re.IGNORECASE)
_LITERALS_AND_COMMENTS: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
# insufficient_privilege, undefined_table (what a missing USAGE looks like), invalid_schema_name
_REFUSALS: Final = frozenset({"42501", "42P01", "3F000"})
_CACHED_LENGTH: Final = 8_192  # longer statements are parsed each time, so that the cache stays small

Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]


def install(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Put the guard on a connection; a receiver of Django's `connection_created`."""
    if guard not in connection.execute_wrappers:
        connection.execute_wrappers.append(guard)


def guard(execute: Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001 (Django's signature)
    """Refuse a statement that is not the current module's, before it is sent.

    Raises BoundaryViolation naming both modules.
    """
    connection = context["connection"]
    statement = _text(sql, connection)
    read = _read_cached if len(statement) <= _CACHED_LENGTH else _read
    owners, is_control = read(statement)
    if not is_control:
        _check(connection.alias, owners, statement)
    try:
        return execute(sql, params, many, context)
    except Error as error:
        _explain(error, statement)
        raise


def _check(alias: str, owners: Iterable[str], statement: str) -> None:
    for owner in owners:
        require_allowed(owner, f"the statement {_shortened(statement)}")
    if composed().profile is Profile.PRIVATE:
        owner = PLATFORM if alias == "default" else alias
        require_allowed(owner, f"its connection '{alias}'")


def _text(sql: Any, connection: BaseDatabaseWrapper) -> str:
    if isinstance(sql, str):
        return sql
    if isinstance(sql, Composable):
        return sql.as_string(connection.connection)
    return sql.decode() if isinstance(sql, bytes) else str(sql)


def _read(statement: str) -> tuple[tuple[str, ...], bool]:
    """Return the owners of every table that a statement names, and whether it is transaction control."""
    if _TRANSACTION_CONTROL.match(statement):
        return (), True
    text = _LITERALS_AND_COMMENTS.sub(" ", statement)
    if _ROLE_CHANGE.search(text) or _ROLE_SETTING.search(statement):
        scope = current_scope()
        raise BoundaryViolation(
            current=scope.module, target="another role", what=f"the statement {_shortened(statement)}"
        )
    return _owners_named_in(text), False


_read_cached = lru_cache(maxsize=4096)(_read)


def _owners_named_in(text: str) -> tuple[str, ...]:
    tables, schemas = _names()
    found = {tables[name] for name in _WORDS.findall(text) if name in tables}
    found |= {match.group(1) for match in schemas.finditer(text)}
    return tuple(sorted(found))


_WORDS: Final = re.compile(r"\w+")


@cache
def _names() -> tuple[dict[str, str], re.Pattern[str]]:
    """Return the owner of every known table, and a pattern for schema-qualified names."""
    composition = composed()
    tables: dict[str, str] = {}
    # A managed model beats an unmanaged one: an unmanaged twin of another module's table owns nothing.
    models = sorted(apps.get_models(include_auto_created=True), key=lambda model: model._meta.managed)
    for model in models:
        owner = composition.module_of_label(model._meta.app_label)
        table = model._meta.db_table.rpartition('"')[2] or model._meta.db_table.strip('"')
        if model._meta.managed or not _belongs_to_another(table, owner):
            tables[table] = owner
    schemas = "|".join(map(re.escape, (*composition.declared, PLATFORM)))
    return tables, re.compile(rf'(?<![\w".])"?({schemas})"?\s*\.\s*["\w*]')


def _belongs_to_another(table: str, owner: str) -> bool:
    return any(table.startswith(f"{name}_") for name in composed().declared if name != owner) and not (
        table.startswith(f"{owner}_")
    )


def _explain(error: Error, statement: str) -> None:
    """Turn PostgreSQL's refusal into a violation that names both modules, where it is one."""
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) not in _REFUSALS:
        return
    scope = current_scope()
    # Here literals count too: dynamic SQL hides its tables in them.
    for text in (str(cause), statement):
        for owner in (*_owners_named_in(text), *_schemas_named_in(text)):
            if not allowed(scope, owner):
                raise BoundaryViolation(
                    current=scope.module,
                    target=owner,
                    what=f"PostgreSQL refused the statement {_shortened(statement)} ({cause})",
                ) from error


def _schemas_named_in(text: str) -> tuple[str, ...]:
    found = re.findall(r"\bschema \"?(\w+)", text)
    known = {*composed().declared, PLATFORM}
    return tuple(name for name in found if name in known)


def _shortened(statement: str) -> str:
    line = " ".join(statement.split())
    return repr(line if len(line) <= 120 else f"{line[:117]}...")
