"""Which tools the composed modules have, and what is wrong with how they are declared."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Any, Final, get_type_hints

from monolith.composition import composed
from monolith.contracts.contract import Operation, read_operation, signature_problems
from monolith.contracts.interface import Kind, marks_of
from monolith.contracts.registry import provided
from monolith.errors import CompositionError
from monolith.module import Module, Tier
from monolith.tools.definition import Tool, is_progress
from monolith.tools.offer import Offer, Tag, offer_of
from monolith.tools.scopes import FRAMEWORK

MAX_NAME: Final = 64  # characters; clients refuse longer ones
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
# Who calls comes from the token. A parameter of such a name invites an agent to say it is somebody else.
IDENTITIES: Final = frozenset(
    {
        "account",
        "account_id",
        "actor",
        "actor_id",
        "api_key",
        "as_user",
        "caller",
        "on_behalf_of",
        "owner",
        "owner_id",
        "principal",
        "role",
        "subject",
        "tenant",
        "tenant_id",
        "token",
        "user",
        "user_id",
        "username",
    }
)
_FRAMEWORK_MODULE: Final = Module(name=FRAMEWORK, tier=Tier.PRIVATE, tools="monolith.tools.own")
_BY_KIND: Final = {Kind.QUERY: Tag.READ, Kind.COMMAND: Tag.EXECUTE, Kind.GATE: Tag.READ}


@cache
def tools() -> Mapping[str, Tool]:
    """Return the tools of this process by name, those of one module together. Raises CompositionError."""
    modules = [_FRAMEWORK_MODULE, *composed().modules.values()]
    if problems := [problem for module in modules for problem in tool_problems(module)]:
        raise CompositionError(problems)
    found = [tool for module in modules for tool in tools_of(module)]
    return MappingProxyType({tool.name: tool for tool in found})


def tools_of(module: Module) -> list[Tool]:
    """Return the tools of one composed module whose declarations are sound, by name."""
    found = [_from_operation(*offered) for offered in _operations(module)]
    found += [_from_function(module, *offered) for offered in _functions(module)]
    return sorted(found, key=lambda tool: tool.name)


def tool_problems(module: Module) -> Iterator[str]:
    """Yield everything that is wrong with a module's tools, each with its place and the fix."""
    places: dict[str, str] = {}
    for place, name, problems in _declared(module):
        yield from problems
        if name in places:
            yield f"{place} is the tool {name}, and so is {places[name]}; give one another name"
        places[name] = place


def _declared(module: Module) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each tool's place, its name and what is wrong with it."""
    for operation, offer, _ in _operations(module):
        parameters = [parameter.name for parameter in operation.parameters]
        problems = [
            *_common_problems(operation.label, module, offer, operation.name, parameters),
            *_kind_problems(operation, offer),
        ]
        yield operation.label, _name(module, offer, operation.name), problems
    for function, offer in _functions(module):
        place = f"{function.__module__}.{function.__qualname__}"
        problems = list(_function_problems(place, module, offer, function))
        yield place, _name(module, offer, function.__name__), problems


def _common_problems(
    place: str, module: Module, offer: Offer, own: str, parameters: list[str]
) -> Iterator[str]:
    name = offer.name or own
    full = f"{module.name}_{name}"
    if not _NAME.fullmatch(name):
        yield f"{place} is offered as the tool {full!r}; name it by a verb and a noun: tool('find_walks')"
    elif len(full) > MAX_NAME:
        yield f"{place} is offered as a tool whose name has {len(full)} characters; use at most {MAX_NAME}"
    for parameter in parameters:
        if parameter in IDENTITIES:
            yield (
                f"{place}({parameter}) lets an agent say who it is; leave it out, call_scope() has it from the token"
            )


def _kind_problems(operation: Operation, offer: Offer) -> Iterator[str]:
    if operation.kind is Kind.COMMAND and offer.tag is Tag.READ:
        yield f"{operation.label} writes and is tagged read; leave tag out, or say execute or restricted"
    if operation.kind is not Kind.COMMAND and offer.tag not in (None, Tag.READ):
        yield f"{operation.label} is a query and is tagged {offer.tag}; leave tag out, or make it a @command"


def _function_problems(
    place: str, module: Module, offer: Offer, function: Callable[..., Any]
) -> Iterator[str]:
    without = _progress_of(function)
    problems = list(signature_problems(place, function, without=without))
    yield from problems
    if len(without) > 1:
        yield f"{place} takes {len(without)} parameters for its progress; one is enough"
    if offer.tag is None:
        yield f"{place} does not say what it may do; write tool(tag=Tag.READ), or another tag"
    if marks_of(function).kind is not Kind.QUERY:
        yield (
            f"{place} is marked as an operation of a contract is; declare it in one, "
            f"or make its repeats harmless by a key of its own"
        )
    if not problems:
        names = [name for name in inspect.signature(function).parameters if name not in without]
        yield from _common_problems(place, module, offer, function.__name__, names)


def _operations(module: Module) -> Iterator[tuple[Operation, Offer, Callable[..., Any]]]:
    """Yield the operations of a module's contracts that are offered, with the functions that keep them."""
    if module is _FRAMEWORK_MODULE:
        return
    for operation, function in provided({module.name: module})[module.name]:
        if operation.offer is not None:
            yield operation, operation.offer, function


def _functions(module: Module) -> Iterator[tuple[Callable[..., Any], Offer]]:
    """Yield the functions of a module's tools.py that are offered."""
    file = _file_of(module)
    for value in vars(file).values() if file else ():
        offer = offer_of(value) if inspect.isfunction(value) else None
        if offer is not None and file is not None and value.__module__ == file.__name__:
            yield value, offer


def _file_of(module: Module) -> ModuleType | None:
    try:
        found = find_spec(module.tools_module)
    except ModuleNotFoundError:  # its package
        return None
    return import_module(module.tools_module) if found else None


def _from_operation(operation: Operation, offer: Offer, function: Callable[..., Any]) -> Tool:
    version = "" if operation.version == 1 else f"_v{operation.version}"
    return Tool(
        name=f"{operation.module}_{offer.name or operation.name}{version}",
        module=operation.module,
        tag=offer.tag or _BY_KIND[operation.kind],
        offer=offer,
        operation=operation,
        function=function,
        is_operation=True,
    )


def _from_function(module: Module, function: Callable[..., Any], offer: Offer) -> Tool:
    without = _progress_of(function)
    return Tool(
        name=_name(module, offer, function.__name__),
        module=module.name,
        tag=offer.tag
        or Tag.RESTRICTED,  # what says nothing is refused before; of two mistakes this is the smaller
        offer=offer,
        operation=read_operation(module.name, 1, function.__name__, function, without=without),
        function=function,
        progress="".join(without),
    )


def _name(module: Module, offer: Offer, own: str) -> str:
    return f"{module.name}_{offer.name or own}"


def _progress_of(function: Callable[..., Any]) -> list[str]:
    try:
        hints = get_type_hints(function)
    except (NameError, TypeError):
        return []
    return [name for name, hint in hints.items() if is_progress(hint)]
