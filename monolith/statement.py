"""What the text of a statement says: whose tables it names, and whether it changes role or session.

The guard reads statements before they are sent; `manage.py verify` reads them where they are written.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from django.db.models import Model

from monolith.composition import Composition
from monolith.lexing import is_clear, lexed
from monolith.module import PLATFORM

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
    r"|\bset_config\"?\s*\(\s*'(role|session_authorization)'",
    re.IGNORECASE,
)
# What outlives the transaction stays on a connection that is handed to others.
_SESSION_CHANGE: Final = re.compile(
    r"(^|;)\s*(SET\s+(?!LOCAL\b|CONSTRAINTS\b|TRANSACTION\b)|RESET\b|DISCARD\b)"
    r"|\bset_config\"?\s*\((?![^()]*,\s*true\s*\))",
    re.IGNORECASE,
)
# What begins or ends a transaction, which Django does by other means.
_TRANSACTION_CONTROL: Final = re.compile(
    r"(?:^|;)\s*(?:BEGIN|START|COMMIT|END|ABORT|ROLLBACK(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b)|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE,
)
# The name of a setting must stand there to be read, in set_config as in SET. With standard_conforming_strings off,
# literals would end elsewhere than they are read to end.
_TENANT_CHANGE: Final = re.compile(
    r'"?\bmonolith"?\s*\.\s*"?tenant\b|\bset_config"?\s*\((?!\s*\'[^\']*\'\s*,)'
    r"|\bstandard_conforming_strings\b",
    re.IGNORECASE,
)
_TENANT_READ: Final = re.compile(
    r"\bcurrent_setting\s*\(\s*'monolith\.tenant'\s*(,\s*\w+\s*)?\)", re.IGNORECASE
)
# What makes statements of text at run time, where any name could come from: words, which no quotes are around, and
# names, which may have them.
_DYNAMIC_WORD: Final = re.compile(r"(?:^|;)\s*DO\b|\bEXECUTE\b", re.IGNORECASE)
_DYNAMIC_NAME: Final = re.compile(r"_to_xml|\bts_(?:stat|rewrite)\b|\bpg_settings\b", re.IGNORECASE)
# Comments in literals, which may be SQL: `EXECUTE 'SET/**/ROLE x'`.
_COMMENTS: Final = re.compile(r"--[^\n\r]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?")
# Statements whose literals are SQL too: there every word counts.
_READ_WHOLE: Final = re.compile(
    r"^\s*DO\b|\bEXECUTE\b|\bCREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)\b", re.IGNORECASE
)
_UNICODE_NAME: Final = re.compile(r'\bU&"', re.IGNORECASE)
_WORDS: Final = re.compile(r"\w+")


class Names(NamedTuple):
    """What belongs to whom."""

    tables: Mapping[str, str]  # the owner of each known table
    schemas: re.Pattern[str]  # finds names with their schema in front

    def owners_in(self, text: str) -> tuple[str, ...]:
        """Return the owners of every table that `text` names, sorted."""
        text = text.lower()
        found = {self.tables[name] for name in _WORDS.findall(text) if name in self.tables}
        found |= {match.group(1) for match in self.schemas.finditer(text)}
        return tuple(sorted(found))


class Reading(NamedTuple):
    """What is understood of a statement."""

    owners: tuple[str, ...]  # of every table it names
    changes_role: bool
    changes_session: bool  # beyond its transaction
    names_tenant: bool  # sets monolith.tenant, or a setting that cannot be read from the text
    is_dynamic: bool  # runs SQL that cannot be read from the text
    controls_transaction: bool  # begins or ends one


def read(statement: str, names: Names) -> Reading | None:
    """Read a statement; None when it touches no row."""
    if _HARMLESS.fullmatch(statement):
        return None
    code, plain, bare, escapes = lexed(statement)
    if (inner := _COMMENTS.sub(" ", code)) != code:
        code = f"{code}\n{inner}"
    text = code if escapes or _READ_WHOLE.search(bare) or _DYNAMIC_NAME.search(plain) else plain
    return Reading(
        owners=names.owners_in(text),
        # An escaped name could be any name: nothing that Django writes has one.
        changes_role=any(pattern.search(code) for pattern in (_ROLE_CHANGE, _UNICODE_NAME)),
        changes_session=_SESSION_CHANGE.search(plain) is not None,
        names_tenant=not is_clear(statement, bare)
        or _TENANT_CHANGE.search(_TENANT_READ.sub(" ", code)) is not None,
        is_dynamic=_DYNAMIC_WORD.search(bare) is not None or _DYNAMIC_NAME.search(plain) is not None,
        controls_transaction=_TRANSACTION_CONTROL.search(bare) is not None,
    )


def names_of(composition: Composition, models: Iterable[type[Model]]) -> Names:
    """Return who owns what, by the declared modules and the models that are loaded."""
    # What modules that are not composed here show the public is readable all the same.
    tables = {
        relation.name: name for name, m in composition.declared.items() for relation in m.public_relations
    }
    for model in models:
        table = model._meta.db_table.replace('"', "").rpartition(".")[2].lower()
        owner = composition.module_of_label(model._meta.app_label)
        # An unmanaged model may be a view of its own module, or the twin of another module's table: the
        # twin must not take the table over.
        if model._meta.managed or (
            table not in tables and _prefix_owner(table, composition) in (owner, None)
        ):
            tables[table] = owner
    schemas = "|".join(map(re.escape, (*composition.declared, PLATFORM)))
    return Names(tables, re.compile(rf'(?<![\w".])"?({schemas})"?\s*\.\s*["\w*]'))


def _prefix_owner(table: str, composition: Composition) -> str | None:
    """Return the module with the longest name that `table` begins with."""
    names = [name for name in composition.declared if table.startswith(f"{name}_")]
    return max(names, key=len, default=None)
