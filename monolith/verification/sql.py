"""SQL in strings and files: read as the guard reads it before it is sent, found where it is written."""

import re
from collections.abc import Iterator
from typing import Final

from django.apps import apps

from monolith.composition import composed
from monolith.module import FRAMEWORK_LABEL, PLATFORM
from monolith.statement import Names, names_of, read
from monolith.verification.source import Source, Text
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

# The beginning of a statement, by the two words or marks that no sentence of prose begins with by chance.
_STATEMENT: Final = re.compile(
    r"""(?:^|;)\s*(?:/\*.*?\*/\s*|--[^\n]*\n\s*)*(?:
        SELECT\b | INSERT\s+INTO\b | UPDATE\s+\S+\s+(?:AS\s+\w+\s+)?SET\b | DELETE\s+FROM\b | MERGE\s+INTO\b
      | WITH\s+(?:RECURSIVE\s+)?"?\w+"?\s*(?:\([^)]*\)\s*)?AS\b | VALUES\s*\( | TABLE\s+\S+\s*(?:;|$)
      | (?:CREATE|ALTER|DROP|COMMENT\s+ON|SECURITY\s+LABEL)\s+(?:OR\s+REPLACE\s+|UNIQUE\s+|TEMP\w*\s+|UNLOGGED\s+)*
        (?:TABLE|VIEW|MATERIALIZED|INDEX|FUNCTION|PROCEDURE|TRIGGER|SCHEMA|SEQUENCE|TYPE|ROLE|EXTENSION|POLICY|COLUMN)\b
      | TRUNCATE\b | COPY\s+\S+\s+(?:\(.*?\)\s*)?(?:TO|FROM)\b | LOCK\s+(?:TABLE\s+)?\S+\s+IN\b
      | GRANT\s.*?\bTO\b | REVOKE\s.*?\bFROM\b | DO\s+(?:LANGUAGE\s+\w+\s+)?[$'] | CALL\s+[\w".]+\s*\(
      | EXPLAIN\b | REFRESH\s+MATERIALIZED\b
      | SET\s+(?:LOCAL\s+|SESSION\s+)?(?:[\w.]+\s*(?:=|\bTO\b)|ROLE\b|SESSION\s+AUTHORIZATION\b)
      | RESET\s+(?:ALL|ROLE|SESSION|\w+\s*$) | DISCARD\s+(?:ALL|PLANS|SEQUENCES|TEMP)
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
# Part of a statement that is put together later. Upper case alone: in lower case these are English.
_FRAGMENT: Final = re.compile(r'\b(?:FROM|JOIN|INTO|UPDATE|TABLE|REFERENCES|USING)\s+(?:ONLY\s+)?"?\w')
_SEARCH_PATH: Final = re.compile(r"\bsearch_path'?\s*(?:=|,|\bTO\b)\s*([^;\n()]+)", re.IGNORECASE)
_NAME: Final = re.compile(r"\w+")
_IDENTIFIER: Final = "psycopg.sql.Identifier"


def sql_violations(system: System) -> Iterator[Violation]:
    """Yield every statement that names what is another module's, or would change role or session."""
    # Without loaded apps only those tables are known that modules list as public.
    names = names_of(composed(), apps.get_models(include_auto_created=True) if apps.ready else ())
    for module, files in system.sources.items():
        for file in files:
            for text in file.texts:
                if _STATEMENT.search(text.value) or _FRAGMENT.search(text.value):
                    yield from _of_statement(system, names, module, file.path, text)
            yield from _identifiers(system, names, module, file)
    for module, statements in system.statements.items():
        for statement in statements:
            yield from _of_statement(system, names, module, statement.path, statement.text)


def _of_statement(system: System, names: Names, module: str, path: str, text: Text) -> Iterator[Violation]:
    reading = read(text.value, names)
    if reading is None:
        return
    for owner in reading.owners:
        if owner not in (module, FRAMEWORK_LABEL):
            yield _table(module, Place(path, text.line_of(_first(text.value, owner, names))), owner)
    paths = list(_search_paths(system, module, path, text))
    yield from paths
    # The migrator's connections are its own, so there a session may be changed.
    if reading.changes_role or (reading.changes_session and not paths and "/migrations/" not in path):
        yield _change(module, Place(path, text.line), is_role=reading.changes_role)


def _table(module: str, place: Place, owner: str) -> Violation:
    return Violation(
        place=place,
        code=Code.SQL_TABLE,
        module=module,
        message=f"names tables of {_whose(owner)} in SQL",
        fix="ask that module's contract" if owner != PLATFORM else "keep the id in a table of the module",
    )


def _whose(owner: str) -> str:
    return "the host" if owner == PLATFORM else f"module '{owner}'"


def _first(statement: str, owner: str, names: Names) -> int:
    lowered = statement.lower()
    qualified = (m.start() for m in names.schemas.finditer(lowered) if m.group(1) == owner)
    plain = (m.start() for m in _NAME.finditer(lowered) if names.tables.get(m.group()) == owner)
    return min([*qualified, *plain], default=0)


def _search_paths(system: System, module: str, path: str, text: Text) -> Iterator[Violation]:
    foreign = {*system.modules, PLATFORM} - {module}
    for match in _SEARCH_PATH.finditer(text.value):
        for owner in sorted(foreign & set(_NAME.findall(match.group(1).lower()))):
            yield Violation(
                place=Place(path, text.line_of(match.start())),
                code=Code.SQL_SEARCH_PATH,
                module=module,
                message=f"puts the schema of {_whose(owner)} on the search path",
                fix="leave the search path to the role, which has the module's own schema on it",
            )


def _change(module: str, place: Place, *, is_role: bool) -> Violation:
    if is_role:
        return Violation(
            place=place,
            code=Code.SQL_ROLE,
            module=module,
            message="changes the role of its connection, or spells a name with escapes that could be any",
            fix="leave it: the module's connection has the one role that it may use",
        )
    return Violation(
        place=place,
        code=Code.SQL_SESSION,
        module=module,
        message="changes its session, which others use after it",
        fix="use SET LOCAL, or set_config(…, true), inside atomic(); what lasts goes into the module's `limits`",
    )


def _identifiers(system: System, names: Names, module: str, file: Source) -> Iterator[Violation]:
    for call in file.calls:
        if call.name != _IDENTIFIER:
            continue
        given = {argument.text or "" for argument in call.arguments}
        owners = {names.tables[name] for name in given & names.tables.keys()} | given & system.modules.keys()
        for owner in sorted(owners - {module, FRAMEWORK_LABEL}):
            yield _table(module, Place(file.path, call.line), owner)
