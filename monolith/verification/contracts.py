"""What modules promise: the contracts' files, their types, and the functions that keep them."""

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Final

from monolith.composition import composed
from monolith.contracts.contract import Operation, interface_problems
from monolith.contracts.errors import DeclaredError
from monolith.contracts.files import contract_modules, versioned, versions_of
from monolith.contracts.interface import Interface
from monolith.contracts.messages import Command, Event
from monolith.contracts.registry import (
    Promise,
    gate_caller_problems,
    gate_count_problems,
    gates_of,
    message_and_fix,
    promises_of,
    provider_problems,
)
from monolith.errors import CompositionError
from monolith.module import PLATFORM, Module
from monolith.verification.loading import failure
from monolith.verification.source import COMMANDS, EVENTS
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")
_PROMISED: Final = (
    frozenset({"monolith.contracts.Interface", "monolith.contracts.interface.Interface"}) | EVENTS | COMMANDS
)


def contract_violations(system: System) -> Iterator[Violation]:
    """Yield everything that is wrong with contracts. Needs loaded apps."""
    yield from _nobodys(system)
    gates: list[Operation] = []
    for module in composed().modules.values():
        try:
            promises = promises_of(module)
        except CompositionError as error:
            for problem in error.problems:
                yield _violation(
                    system, Code.CONTRACTS_FILE, module.name, problem, _file_of(system, module.name)
                )
            continue
        except Exception as error:  # noqa: BLE001 (whatever the contract's file raises is what is wrong with it)
            yield failure(system, error)
            continue
        for file in contract_modules(module):
            yield from _order(system, module, file)
        for promise in promises:
            found = list(_of_promise(system, promise))
            yield from found
            if not found:
                gates += gates_of(promise)
    yield from _of_gates(system, gates)


def _of_promise(system: System, promise: Promise) -> Iterator[Violation]:
    place = system.place_of(promise.interface)
    try:
        faults = list(interface_problems(promise.interface))
        differences = [] if faults else list(provider_problems(promise))
    except Exception as error:  # noqa: BLE001 (whatever the provider's file raises is what is wrong with it)
        yield failure(system, error)
        return
    for problem in faults:
        yield _violation(system, Code.CONTRACTS_INTERFACE, promise.module.name, problem, place)
    for problem in differences:
        yield _violation(system, Code.CONTRACTS_PROVIDER, promise.module.name, problem, place)


def _violation(system: System, code: Code, module: str, problem: str, place: Place) -> Violation:
    message, fix = message_and_fix(problem)
    return Violation(
        place=_place(system, message) or place, code=code, module=module, message=message, fix=fix
    )


def _place(system: System, message: str) -> Place | None:
    """Return where what a message begins with is written: `contracts.stars.Stars.best_sites(limit)`, `Place.height`."""
    match = _NAME.match(message)
    name = match.group() if match else ""
    if file := system.source_around(name):
        return Place(file.path, file.lines.get(name.removeprefix(f"{file.name}."), 1))
    contracts = (file for files in system.contracts.values() for file in files)
    return next((Place(file.path, file.lines[name]) for file in contracts if name in file.lines), None)


def _file_of(system: System, module: str) -> Place:
    return next((Place(file.path, 1) for file in system.contracts.get(module, ())), Place())


def _order(system: System, module: Module, file: ModuleType) -> Iterator[Violation]:
    rank = 0
    for thing in vars(file).values():
        if not isinstance(thing, type) or thing.__module__ != file.__name__:
            continue
        if _rank(thing) < rank:
            yield Violation(
                place=system.place_of(thing),
                code=Code.CONTRACTS_ORDER,
                module=module.name,
                message=f"{thing.__name__} comes too late in its contract",
                fix="write Schemas and Enums first, then errors, the Interface, Events, and Commands last",
            )
        rank = max(rank, _rank(thing))


def _rank(thing: type) -> int:
    for rank, kind in enumerate((Interface, Event, Command), start=2):
        if kind in thing.__mro__:
            return rank
    return 1 if issubclass(thing, DeclaredError) else 0


def _nobodys(system: System) -> Iterator[Violation]:
    for owner, files in system.contracts.items():
        module = system.modules.get(owner)
        found = (
            {versioned(module.contract_module, number) for number in versions_of(module)} if module else set()
        )
        for file in files:
            promised = [name for name, bases in file.bases.items() if _PROMISED & set(bases)]
            for name in promised if file.name not in found else ():
                yield Violation(
                    place=Place(file.path, file.lines[name]),
                    code=Code.CONTRACTS_NOBODY,
                    module=owner,
                    message=f"{name} is promised by nobody: no module has this contract, or the version before",
                    fix="name the file after the module that keeps it, and its version after the last; or remove it",
                )


def _of_gates(system: System, gates: list[Operation]) -> Iterator[Violation]:
    for problem in gate_count_problems(gates):
        yield _violation(system, Code.CONTRACTS_GATE, PLATFORM, problem, _file_of(system, gates[-1].module))
    for module in composed().modules.values():
        for problem in gate_caller_problems(gates, module):
            place = system.declared_at(module.name, gates[0].module)
            yield _violation(system, Code.CONTRACTS_GATE, module.name, problem, place)
