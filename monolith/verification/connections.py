"""Ways to a connection that is not the module's own."""

from collections.abc import Iterator, Mapping
from typing import Final

from monolith.module import PLATFORM
from monolith.verification.imports import is_within
from monolith.verification.source import Argument, Source
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

# Without an alias each of them means `default`, which is the host's.
_TRANSACTION: Final = "django.db.transaction"
_CONNECTION: Final = "django.db.connection"
_INSTEAD: Final[Mapping[str, str]] = {
    f"{_TRANSACTION}.atomic": "monolith.atomic()",
    f"{_TRANSACTION}.on_commit": "monolith.on_commit()",
}
_CONNECTIONS: Final = "django.db.connections"
_DEFAULT: Final = "default"
_DEFAULT_NAMES: Final = frozenset({"django.db.DEFAULT_DB_ALIAS", "django.db.utils.DEFAULT_DB_ALIAS"})
_CHOOSING: Final = frozenset({"using", "db_manager"})
_OPENING: Final = (
    "psycopg.connect",
    "psycopg.Connection.connect",
    "psycopg.AsyncConnection.connect",
    "psycopg_pool",
)
_ADDRESSES: Final = "django.conf.settings.DATABASES"
_SCOPE: Final = "monolith.context.set_scope"
_ENTERING: Final = frozenset({"monolith.entering", "monolith.context.entering"})


def connection_violations(system: System) -> Iterator[Violation]:
    """Yield every use of a connection that is not the module's own."""
    for module, files in system.sources.items():
        for file in files:
            yield from _bare(module, file)
            yield from _handler(module, file)
            yield from _aliases(system, module, file)
            yield from _opened(module, file)
            yield from _addresses(module, file)
            yield from _entering(system, module, file)


def _bare(module: str, file: Source) -> Iterator[Violation]:
    with_alias = {
        (call.line, call.column)
        for call in file.calls
        if is_within(call.name, _TRANSACTION)
        and ("using" in call.keywords or (call.arguments and call.arguments[0].text is not None))
    }
    for use in file.uses:
        if _is_bare(use.name) and (use.line, use.column) not in with_alias:
            yield Violation(
                place=Place(file.path, use.line),
                code=Code.CONNECTIONS_BARE,
                module=module,
                message=f"uses {use.name}, which without an alias means the host's connection",
                fix=f"use {_INSTEAD.get(use.name, 'monolith.connection()')}: the module's own",
            )


def _is_bare(name: str) -> bool:
    if is_within(name, _CONNECTION):
        return True
    # Its functions and itself; the exception that it defines touches nothing.
    return is_within(name, _TRANSACTION) and name.rpartition(".")[2].islower()


def _handler(module: str, file: Source) -> Iterator[Violation]:
    chosen = {(item.line, item.column): item.arguments[0].text for item in file.items}
    for use in file.uses:
        if is_within(use.name, _CONNECTIONS):
            alias = chosen.get((use.line, use.column))
            yield Violation(
                place=Place(file.path, use.line),
                code=Code.CONNECTIONS_ALIAS,
                module=module,
                message=f"takes {_named(alias)} from django.db.connections",
                fix="use monolith.connection(): the module's own, in every tier",
            )


def _named(alias: str | None) -> str:
    return f"the connection '{alias}'" if alias else "connections"


def _aliases(system: System, module: str, file: Source) -> Iterator[Violation]:
    foreign = {*system.modules, _DEFAULT} - {module}
    for call in file.calls:
        chosen = call.argument(0, "using") if call.method in _CHOOSING else call.keywords.get("using")
        if (alias := _alias(chosen)) in foreign:
            yield Violation(
                place=Place(file.path, call.line),
                code=Code.CONNECTIONS_ALIAS,
                module=module,
                message=f"chooses the connection '{alias}' with {call.method}()",
                fix="leave the alias out: the router gives the module's own",
            )


def _alias(argument: Argument | None) -> str:
    if argument is None:
        return ""
    return _DEFAULT if argument.name in _DEFAULT_NAMES else argument.text or ""


def _opened(module: str, file: Source) -> Iterator[Violation]:
    for call in file.calls:
        if any(is_within(call.name, name) for name in _OPENING):
            yield Violation(
                place=Place(file.path, call.line),
                code=Code.CONNECTIONS_OPENED,
                module=module,
                message=f"opens a connection of its own with {call.name}(), which no guard reads",
                fix="use monolith.connection()",
            )


def _addresses(module: str, file: Source) -> Iterator[Violation]:
    for use in file.uses:
        if is_within(use.name, _ADDRESSES):
            yield Violation(
                place=Place(file.path, use.line),
                code=Code.CONNECTIONS_SETTINGS,
                module=module,
                message="reads settings.DATABASES: where every module's data is, and as which role",
                fix="use monolith.connection(), and its settings_dict where the address itself is needed",
            )


def _entering(system: System, module: str, file: Source) -> Iterator[Violation]:
    for call in file.calls:
        other = (call.arguments[0].text if call.arguments else None) or ""
        is_other = other in {*system.modules, PLATFORM} and other != module
        if call.name == _SCOPE or (call.name in _ENTERING and is_other):
            yield Violation(
                place=Place(file.path, call.line),
                code=Code.CONNECTIONS_ENTERING,
                module=module,
                message=f"enters {f"'{other}'" if other else 'another module'}, and with it the power over its tables",
                fix=f"stay '{module}', and ask the other's contract with require(…)",
            )
