"""Which module promises what, and which functions keep the promise."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Any

from pydantic_core import PydanticUndefined

from monolith.composition import composed
from monolith.contracts.contract import Contract, Operation, contract_of, interface_problems
from monolith.contracts.files import contract_modules, versioned, versions_of
from monolith.contracts.interface import Interface, Kind
from monolith.contracts.message_registry import messages_in, messages_of, messages_problems
from monolith.errors import CompositionError
from monolith.module import Module

type Provider = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Promise:
    """One contract of one module, and the module that should keep it."""

    module: Module
    version: int
    interface: Any  # the class; mypy holds no class object to be hashable, which caching by it needs

    @property
    def api_module(self) -> str:
        """Return the dotted name of the providing functions: apps.knowledge.api, apps.knowledge.api_v2."""
        return versioned(self.module.api_module, self.version)


def promises_of(module: Module) -> list[Promise]:
    """Return a module's contracts, one per major version, from files that exist. Raises CompositionError.

    A file of messages alone promises nothing that can be called.
    """
    return [
        Promise(module, version, _interface_in(file))
        for version, file in zip(versions_of(module), contract_modules(module), strict=True)
        if _interfaces_in(file) or not messages_in(file)
    ]


def _exists(dotted: str) -> bool:
    try:
        return find_spec(dotted) is not None
    except ModuleNotFoundError:  # its package
        return False


def _interfaces_in(file: ModuleType) -> list[type[Any]]:
    return [
        value
        for value in vars(file).values()
        if isinstance(value, type) and Interface in value.__mro__ and value.__module__ == file.__name__
    ]


def _interface_in(file: ModuleType) -> type[Any]:
    found = _interfaces_in(file)
    if len(found) != 1:
        names = ", ".join(sorted(interface.__name__ for interface in found)) or "none"
        raise CompositionError(
            [f"{file.__name__} declares {len(found)} Interfaces ({names}); a contract has exactly one"]
        )
    return found[0]


def provided(modules: Mapping[str, Module]) -> Mapping[str, list[tuple[Operation, Provider]]]:
    """Return each module's operations, in every version, with the functions that keep them.

    Raises CompositionError listing everything that is wrong with the contracts of any of them.
    """
    if problems := list(contract_problems(modules)):
        raise CompositionError(problems)
    return {name: list(_kept(module)) for name, module in modules.items()}


def _kept(module: Module) -> Iterator[tuple[Operation, Provider]]:
    for promise in promises_of(module):
        api = import_module(promise.api_module)
        for name, operation in contract_of(promise.interface).operations.items():
            yield operation, getattr(api, name)


def provider_problems(promise: Promise) -> Iterator[str]:
    """Yield every way in which a module's functions differ from what its contract promises."""
    problems = [*interface_problems(promise.interface)]
    problems = problems or [*_gate_event_problems(promise)]
    yield from problems
    if problems:
        return
    if not _exists(promise.api_module):
        yield f"{promise.module.name} promises {promise.interface.__name__} and has no {promise.api_module}; write it"
        return
    api = import_module(promise.api_module)
    for operation in contract_of(promise.interface).operations.values():
        place = f"{promise.api_module}.{operation.name}"
        function = getattr(api, operation.name, None)
        if not inspect.isfunction(function):
            yield f"{place} is missing; write the function that {promise.interface.__name__} promises"
        else:
            yield from _difference(place, operation, function)


def _gate_event_problems(promise: Promise) -> Iterator[str]:
    events = {message.__name__ for message in messages_of(promise.module)}
    for operation in contract_of(promise.interface).operations.values():
        changed_by = operation.gate.changed_by if operation.gate else ""
        if changed_by and changed_by not in events:
            yield (
                f"{operation.label} says changed_by={changed_by!r}, and its contract declares no such event; name one "
                f"of it: {', '.join(sorted(events)) or 'none is declared'}"
            )


def _difference(place: str, operation: Operation, function: Provider) -> Iterator[str]:
    if inspect.iscoroutinefunction(function):
        yield f"{place} is async; write it with def"
        return
    signature = inspect.signature(function, eval_str=True)
    promised = {parameter.name: parameter for parameter in operation.parameters}
    for name in sorted(promised.keys() - signature.parameters.keys()):
        yield f"{place} lacks the parameter {name!r} of its contract; add it"
    for name, given in signature.parameters.items():
        if name not in promised:
            yield f"{place} has the parameter {name!r}, which its contract does not; remove it or promise it"
            continue
        yield from _parameter_difference(
            f"{place}({name})", given, promised[name].annotation, promised[name].default
        )
    if not _same(signature.return_annotation, operation.returns):
        yield f"{place} returns {signature.return_annotation!r}; return what its contract says: {operation.returns!r}"


def _parameter_difference(
    place: str, given: inspect.Parameter, annotation: Any, default: Any
) -> Iterator[str]:
    if given.kind is not inspect.Parameter.KEYWORD_ONLY:
        yield f"{place} is not keyword-only, as its contract has it; put * before it"
    if not _same(given.annotation, annotation):
        yield f"{place} is {given.annotation!r}; make it what its contract says: {annotation!r}"
    if given.default != default or type(given.default) is not type(default):
        yield (
            f"{place} has the default {_default(given.default)}; make it what its contract says: {_default(default)}"
        )


def _same(given: Any, promised: Any) -> bool:
    if given is None:  # as a signature has it, where type hints have its class
        given = type(None)
    # No two Field()s are equal to pydantic, also when they say the same.
    return bool(given == promised) or repr(given) == repr(promised)


def _default(value: Any) -> str:
    return "none" if value is inspect.Parameter.empty or value is PydanticUndefined else repr(value)


@cache
def contracts() -> Mapping[str, tuple[Contract, ...]]:
    """Return the contracts of every declared module, composed here or not, by module. Raises CompositionError."""
    return MappingProxyType(
        {
            name: tuple(contract_of(promise.interface) for promise in promises_of(module))
            for name, module in composed().declared.items()
        }
    )


def gate_changes() -> Mapping[str, frozenset[str]]:
    """Return the events after which modules forget what the gate said, by their types' names, each with its callers.

    Raises CompositionError.
    """
    return {
        f"{gate.module}.{gate.gate.changed_by}": frozenset(
            name for name in gate.gate.callers if gate.module in _required_by(name)
        )
        for versions in contracts().values()
        for contract in versions
        for gate in contract.operations.values()
        if gate.gate is not None and gate.gate.changed_by
    }


def _required_by(module: str) -> tuple[str, ...]:
    declared = composed().declared.get(module)
    return declared.requires if declared else ()


def contract_problems(modules: Mapping[str, Module]) -> Iterator[str]:
    """Yield everything that is wrong with the contracts of `modules`, each with its place and the fix."""
    gates: list[Operation] = []
    for module in modules.values():
        yield from (problem for _, problem in messages_problems(module))
        try:
            promises = promises_of(module)
        except CompositionError as error:
            yield from error.problems
            continue
        for promise in promises:
            problems = list(provider_problems(promise))
            yield from problems
            if not problems:
                gates += gates_of(promise)
    yield from gate_count_problems(gates)
    for module in modules.values():
        yield from gate_caller_problems(gates, module)


def message_and_fix(problem: str) -> tuple[str, str]:
    """Split a problem into what is wrong and what mends it."""
    message, _, fix = problem.rpartition("; ")
    return message or problem, fix if message else "see docs/how-to/call-another-module.md"


def gates_of(promise: Promise) -> list[Operation]:
    """Return the operations of a sound contract that may block writes."""
    return [o for o in contract_of(promise.interface).operations.values() if o.kind is Kind.GATE]


def gate_count_problems(gates: Sequence[Operation]) -> Iterator[str]:
    """Yield what is wrong with there being so many gates."""
    if len(gates) > 1:
        names = ", ".join(operation.label for operation in gates)
        yield f"there are {len(gates)} gates ({names}); keep one: exactly one query may block writes"


def gate_caller_problems(gates: Sequence[Operation], module: Module) -> Iterator[str]:
    """Yield each gate that `module` requires without being named by it."""
    for operation in gates:
        callers = operation.gate.callers if operation.gate else frozenset[str]()
        if operation.module in module.requires and module.name not in callers:
            yield (
                f"module {module.name!r} requires the gate {operation.label}, whose callers are "
                f"{', '.join(sorted(callers))}; take it out of `requires`, or name it there"
            )
