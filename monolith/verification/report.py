"""Looking at a project with every family of rules, and what came of it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import django
from django.conf import settings

from monolith.composition import composed
from monolith.errors import CompositionError
from monolith.module import Module
from monolith.project import project_directory
from monolith.verification.connections import connection_violations
from monolith.verification.contracts import contract_violations
from monolith.verification.declarations import declaration_violations
from monolith.verification.grants import grant_violations
from monolith.verification.imports import import_violations, is_within
from monolith.verification.loading import composition_failures, failure
from monolith.verification.lookups import lookup_violations
from monolith.verification.messages import message_violations
from monolith.verification.relations import relation_violations
from monolith.verification.schedules import schedule_violations
from monolith.verification.sql import sql_violations
from monolith.verification.system import System, read_system
from monolith.verification.tasks import task_violations
from monolith.verification.tools import tool_violations
from monolith.verification.violation import Violation

FAMILIES: Final[Mapping[str, Callable[[System], Iterator[Violation]]]] = {
    "imports": import_violations,
    "lookups": lookup_violations,
    "sql": sql_violations,
    "connections": connection_violations,
    "declarations": declaration_violations,
    "relations": relation_violations,
    "contracts": contract_violations,
    "messages": message_violations,
    "tasks": task_violations,
    "tools": tool_violations,
    "grants": grant_violations,
    "schedules": schedule_violations,
}
NEED_APPS: Final = frozenset({"relations", "contracts", "messages", "tasks", "tools", "schedules"})
NEED_DATABASE: Final = frozenset({"grants", "schedules"})
NOT_LOADED: Final = "the project does not load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at and what was found."""

    violations: tuple[Violation, ...]  # by place
    families: tuple[str, ...]  # that were looked at
    left_out: Mapping[str, str]  # families that were not, each with the reason


def verify(families: Collection[str], without: dict[str, str], *, project: Path) -> Report:
    """Load the project as far as it loads, and look at it.

    `without` are families to leave out, each with the reason; `project` counts where settings cannot say it.
    """
    try:
        declared = composed().declared
    except CompositionError as error:
        return _not_loaded(composition_failures(error), families)
    except Exception as error:  # noqa: BLE001 (whatever settings raise is what is wrong with them)
        return _not_loaded([failure(read_system(project, {}, ""), error)], families)
    system = read_system(project_directory(), declared, settings_package(declared))
    try:
        django.setup(set_prefix=False)
    except Exception as error:  # noqa: BLE001 (whatever an app raises is what is wrong with it)
        broken = [] if isinstance(error, SyntaxError) and system.unreadable else [failure(system, error)]
        return look(system, families, without | dict.fromkeys(NEED_APPS, NOT_LOADED), broken)
    return look(system, families, without)


def look(
    system: System,
    families: Collection[str],
    without: Mapping[str, str] = MappingProxyType({}),
    broken: Collection[Violation] = (),
) -> Report:
    """Look at a system with some families of rules, but for those that are to be left out."""
    looked = tuple(name for name in FAMILIES if name in families and name not in without)
    found = {*system.unreadable, *broken}
    for name in looked:
        found.update(FAMILIES[name](system))
    return Report(
        violations=tuple(sorted(found)),
        families=looked,
        left_out={name: without[name] for name in FAMILIES if name in families and name in without},
    )


def settings_package(modules: Mapping[str, Module]) -> str:
    """Return the package of the settings modules, or the one settings module where modules live in that package."""
    module = str(settings.SETTINGS_MODULE)
    package = module.rpartition(".")[0]
    has_modules = any(is_within(each.django_app, package) for each in modules.values())
    return package if package and not has_modules else module


def _not_loaded(violations: list[Violation], families: Collection[str]) -> Report:
    reasons = dict.fromkeys((name for name in FAMILIES if name in families), NOT_LOADED)
    return Report(violations=tuple(sorted(violations)), families=(), left_out=reasons)
