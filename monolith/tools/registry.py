"""Which tools the composed modules have, and what is wrong with how they are declared."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Any, Final, get_type_hints

from monolith.composition import composed
from monolith.contracts.contract import Operation, read_operation, signature_problems
from monolith.contracts.documents.json_schema import ContractJsonSchema
from monolith.contracts.interface import Kind, marks_of
from monolith.contracts.registry import provided
from monolith.errors import CompositionError
from monolith.module import Module, Tier
from monolith.tools.definition import Tool
from monolith.tools.offer import Offer, Tag, offer_of
from monolith.tools.progress import Progress
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
# What a value within an argument may not be called either; there, an owner or a subject may be part of the matter.
_MEANT_EVERYWHERE: Final = IDENTITIES - {
    "account",
    "account_id",
    "owner",
    "owner_id",
    "role",
    "subject",
    "user",
    "user_id",
    "username",
}
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FRAMEWORK_MODULE: Final = Module(name=FRAMEWORK, tier=Tier.PRIVATE, tools="monolith.tools.own")
_BY_KIND: Final = {Kind.QUERY: Tag.READ, Kind.COMMAND: Tag.EXECUTE, Kind.GATE: Tag.READ}


@cache
def tools() -> Mapping[str, Tool]:
    """Return the tools of this process by name, those of one module together. Raises CompositionError."""
    modules = offering_modules()
    problems = [problem for module in modules for problem in tool_problems(module)]
    if problems := problems or [problem for _, problem in shared_names(modules)]:
        raise CompositionError(problems)
    found = [tool for module in modules for tool in tools_of(module)]
    return MappingProxyType({tool.name: tool for tool in found})


def offering_modules() -> list[Module]:
    """Return the composed modules, and the framework as one of them."""
    return [_FRAMEWORK_MODULE, *composed().modules.values()]


def tools_of(module: Module) -> list[Tool]:
    """Return the tools of one composed module whose declarations are sound, by name."""
    found = [_from_operation(module, *offered) for offered in _operations(module)]
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


def shared_names(modules: Iterable[Module]) -> Iterator[tuple[Module, str]]:
    """Yield which tools of two modules have one name: `a` has `b_find_x`, `a_b` has `find_x`. The later is named."""
    owners: dict[str, tuple[str, str]] = {}
    for module in modules:
        for place, name, _ in _declared(module):
            owner, first = owners.setdefault(name, (module.name, place))
            if owner != module.name:
                yield (
                    module,
                    f"{place} is the tool {name}, and so is {first} of {owner}; give one another name",
                )


def _declared(module: Module) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each tool's place, its name and what is wrong with it."""
    for operation, offer, _ in _operations(module):
        problems = [
            *_name_problems(operation.label, module, offer, operation),
            *_identity_problems(operation.label, operation),
            *_kind_problems(operation, offer),
        ]
        yield operation.label, _name(module, offer, operation.name, operation.version), problems
    for function, offer in _functions(module):
        place = f"{function.__module__}.{function.__qualname__}"
        problems = list(_function_problems(place, module, offer, function))
        yield place, _name(module, offer, function.__name__), problems


def _name_problems(place: str, module: Module, offer: Offer, operation: Operation) -> Iterator[str]:
    full = _name(module, offer, operation.name, operation.version)
    if not _NAME.fullmatch(offer.name or operation.name):
        yield f"{place} is offered as the tool {full!r}; name it by a verb and a noun: tool('find_walks')"
    elif len(full) > MAX_NAME:
        yield f"{place} is offered as a tool whose name has {len(full)} characters; use at most {MAX_NAME}"


def _identity_problems(place: str, operation: Operation) -> Iterator[str]:
    parameters = [parameter.name for parameter in operation.parameters]
    inner = [name for name in _names_within(_schema_of(operation)) if name not in parameters]
    for name in parameters + sorted(set(inner)):
        known = _MEANT_EVERYWHERE if name in inner else IDENTITIES
        if _spelled(name) in known:
            yield f"{place}({name}) lets an agent say who it is; leave it out, call_scope() has it from the token"


def _schema_of(operation: Operation) -> Any:
    return operation.arguments.json_schema(schema_generator=ContractJsonSchema, mode="validation")


def _names_within(schema: Any) -> Iterator[str]:
    """Yield the names of all properties in a schema, those of what its properties are made of included."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, Mapping) else ()
        for inner in schema.values():
            yield from _names_within(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _names_within(inner)


def _spelled(name: str) -> str:
    """Return a name as it is listed, however it is written: tenantId is tenant_id."""
    return _HUMP.sub("_", name).lower().strip("_")


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
        operation = read_operation(module.name, 1, function.__name__, function, without=without)
        yield from _name_problems(place, module, offer, operation)
        yield from _identity_problems(place, operation)


def _operations(module: Module) -> Iterator[tuple[Operation, Offer, Callable[..., Any]]]:
    """Yield the operations of a module's contracts that are offered, with the functions that keep them."""
    if module is _FRAMEWORK_MODULE:
        return
    for operation, function in provided({module.name: module})[module.name]:
        if operation.offer is not None:
            yield operation, operation.offer, function


def _functions(module: Module) -> Iterator[tuple[Callable[..., Any], Offer]]:
    """Yield the functions of a module's tools.py that are offered."""
    return marked_functions(module, offer_of)


def marked_functions[O](
    module: Module, offer_of: Callable[[Callable[..., Any]], O | None]
) -> Iterator[tuple[Callable[..., Any], O]]:
    """Yield a module's own functions in its tools.py that carry a mark, with what it says."""
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


def _from_operation(module: Module, operation: Operation, offer: Offer, function: Callable[..., Any]) -> Tool:
    return Tool(
        name=_name(module, offer, operation.name, operation.version),
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
        # What says nothing is refused before; of two mistakes this is the smaller.
        tag=offer.tag or Tag.RESTRICTED,
        offer=offer,
        operation=read_operation(module.name, 1, function.__name__, function, without=without),
        function=function,
        progress="".join(without),
    )


def _name(module: Module, offer: Offer, own: str, version: int = 1) -> str:
    suffix = "" if version == 1 else f"_v{version}"
    return f"{module.name}_{offer.name or own}{suffix}"


def _progress_of(function: Callable[..., Any]) -> list[str]:
    """Return the parameters to which a tool tells how far it is, and which are none of its arguments."""
    try:
        hints = get_type_hints(function)
    except (NameError, TypeError):
        return []
    return [name for name, hint in hints.items() if hint is Progress]
