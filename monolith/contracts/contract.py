"""A contract as data: what an Interface promises, read once and checked."""

import inspect
import re
from collections.abc import Callable, Container, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Annotated, Any, Final, NotRequired, TypedDict, get_type_hints

from pydantic import Field, TypeAdapter

from monolith.contracts.errors import DeclaredError, data_fields, data_model
from monolith.contracts.interface import (
    IDEMPOTENCY_KEY,
    KEY_PATTERN,
    MAX_KEY,
    Gate,
    Interface,
    Kind,
    marks_of,
)
from monolith.contracts.plain_data import default_problems, type_problems
from monolith.contracts.schema import adapter
from monolith.errors import CompositionError
from monolith.tools.offer import Offer, offer_of

_RESERVED: Final = frozenset(dir(DeclaredError)) | {"data"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword of an operation."""

    name: str
    annotation: Any
    default: Any  # inspect.Parameter.empty when the caller must give it

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True)
class Operation:
    """One thing a module does for others."""

    module: str  # who provides it
    version: int  # of the contract
    name: str
    kind: Kind
    parameters: tuple[Parameter, ...]
    returns: Any
    errors: tuple[type[DeclaredError], ...]
    gate: Gate | None
    documentation: str
    offer: Offer | None = None  # as a tool

    @property
    def label(self) -> str:
        """Return how messages, spans and logs name it: `knowledge.search`, `knowledge.v2.search`."""
        return ".".join((self.module, *self._version_part, self.name))

    @property
    def path(self) -> str:
        """Return its address below /contracts/ on the owning process."""
        return "/".join((self.module, *self._version_part, self.name))

    @property
    def _version_part(self) -> tuple[str, ...]:
        return () if self.version == 1 else (f"v{self.version}",)

    @cached_property
    def arguments(self) -> TypeAdapter[dict[str, Any]]:
        """Return what reads and writes its arguments: a JSON object with just the keywords that were given."""
        fields: dict[str, Any] = {
            p.name: p.annotation if p.is_required else NotRequired[p.annotation] for p in self.parameters
        }
        if self.kind is Kind.COMMAND:
            fields[IDEMPOTENCY_KEY] = Annotated[str, Field(max_length=MAX_KEY, pattern=KEY_PATTERN)]
        make: Any = TypedDict  # of data here, which the type checker cannot follow
        name = f"{self.name}_request"
        return adapter(name, make(name, fields), extra="forbid")

    @cached_property
    def result(self) -> TypeAdapter[Any]:
        """Return what reads and writes its result."""
        return adapter(f"{self.name}_result", self.returns)

    @cached_property
    def error_by_code(self) -> Mapping[str, type[DeclaredError]]:
        return MappingProxyType({error_code(error): error for error in self.errors})


@dataclass(frozen=True)
class Contract:
    """What one module promises in one major version."""

    module: str
    version: int
    interface: type[Any]
    operations: Mapping[str, Operation]

    @property
    def label(self) -> str:
        return self.module if self.version == 1 else f"{self.module}.v{self.version}"


def error_code(error: type[DeclaredError]) -> str:
    """Return how an error is named in a problem document: NoteNotFound is `note-not-found`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", error.__name__).lower()


def place_of(interface: type[Any]) -> tuple[str, int]:
    """Return the module and major version that an Interface belongs to: the name of its file says both."""
    name, _, version = interface.__module__.rpartition(".")[2].rpartition("_v")
    return (
        (name, int(version))
        if name and version.isdecimal()
        else (f"{name}_v{version}" if name else version, 1)
    )


@cache
def contract_of(interface: Any) -> Contract:
    """Read a contract from its Interface. Raises CompositionError listing every problem with its place and fix."""
    module, version = place_of(interface)
    if problems := list(interface_problems(interface)):
        raise CompositionError(problems)
    operations = {
        name: read_operation(module, version, name, method) for name, method in _methods(interface).items()
    }
    return Contract(module, version, interface, MappingProxyType(operations))


def _methods(interface: type[Any]) -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for base in reversed(interface.__mro__):
        if Interface in base.__mro__ and base is not Interface:
            found |= {n: m for n, m in vars(base).items() if inspect.isfunction(m) and not n.startswith("_")}
    return found


def read_operation(
    module: str, version: int, name: str, method: Callable[..., Any], *, without: Container[str] = ("self",)
) -> Operation:
    """Return what a sound method of an Interface, or a function, takes and gives, some parameters left out."""
    hints = get_type_hints(method, include_extras=True)
    marks = marks_of(method)
    parameters = tuple(
        Parameter(p.name, hints[p.name], p.default)
        for p in inspect.signature(method).parameters.values()
        if p.name not in without
    )
    return Operation(
        module=module,
        version=version,
        name=name,
        kind=marks.kind,
        parameters=parameters,
        returns=hints["return"],
        errors=marks.errors,
        gate=marks.gate,
        documentation=inspect.cleandoc(method.__doc__ or ""),
        offer=offer_of(method),
    )


def interface_problems(interface: type[Any]) -> Iterator[str]:
    """Yield everything that keeps an Interface from being a contract, each with its place and the fix."""
    if not getattr(interface, "_is_protocol", False):
        yield f"{_shown(interface)} is no Protocol; write class {interface.__name__}(Interface, Protocol)"
        return
    methods = _methods(interface)
    if not methods:
        yield f"{_shown(interface)} has no operation; give it a method with keyword-only parameters"
    for name, method in methods.items():
        place = f"{_shown(interface)}.{name}"
        yield from signature_problems(place, method)
        yield from _mark_problems(place, method, inspect.signature(method))


def signature_problems(
    place: str, method: Callable[..., Any], *, without: Container[str] = ("self",)
) -> Iterator[str]:
    """Yield what keeps a function from being called with plain data by keyword, some parameters left out."""
    try:
        hints = get_type_hints(method, include_extras=True)
    except (NameError, TypeError) as error:
        yield f"{place}: its annotations cannot be read ({error}); import what they name at run time"
        return
    signature = inspect.signature(method)
    if inspect.iscoroutinefunction(method):
        yield f"{place} is async; declare it with def, callers that are async use acall()"
    for parameter in signature.parameters.values():
        if parameter.name not in without:
            yield from _parameter_problems(f"{place}({parameter.name})", parameter, hints)
    if "return" not in hints:
        yield f"{place} does not say what it returns; annotate it, with None if nothing"
    else:
        yield from type_problems(hints["return"], f"{place} -> result")
    if not inspect.getdoc(method):
        yield f"{place} has no docstring; say in one sentence what it does"


def _parameter_problems(place: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Iterator[str]:
    if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
        yield f"{place} is not keyword-only; put * before it"
        return
    if parameter.name not in hints:
        yield f"{place} has no type; annotate it"
        return
    problems = list(type_problems(hints[parameter.name], place))
    if not problems and parameter.default is not inspect.Parameter.empty:
        problems += default_problems(hints[parameter.name], parameter.default, place)
        if not isinstance(parameter.default, Hashable):
            problems.append(f"{place} has a default that calls could change; make it None or a tuple")
    yield from problems


def _mark_problems(place: str, method: Callable[..., Any], signature: inspect.Signature) -> Iterator[str]:
    marks = marks_of(method)
    key = signature.parameters.get(IDEMPOTENCY_KEY)
    if marks.kind is Kind.COMMAND and (
        key is None or key.default is not key.empty or key.annotation is not str
    ):
        yield f"{place} is a command operation without a key; give it the parameter {IDEMPOTENCY_KEY}: str"
    if marks.kind is not Kind.COMMAND and key is not None:
        yield f"{place} takes an idempotency key and is no command operation; mark it with @command"
    codes: set[str] = set()
    for error in marks.errors:
        if not (isinstance(error, type) and issubclass(error, DeclaredError)):
            yield f"{place} raises {error!r}, which is no DeclaredError; derive it from DeclaredError"
            continue
        if error_code(error) in codes:
            yield f"{place} declares two errors called {error_code(error)!r}; rename one"
        codes.add(error_code(error))
        yield from _error_problems(error)


def _error_problems(error: type[DeclaredError]) -> Iterator[str]:
    if not 400 <= error.status <= 599:
        yield f"{error.__name__}.status is {error.status}, which is no error's; use 400 to 599"
    problems = []
    for name, hint in data_fields(error).items():
        if name in _RESERVED:
            problems.append(
                f"{error.__name__}.{name} is a name that errors use themselves; call it something else"
            )
        problems += type_problems(hint, f"{error.__name__}.{name}")
    yield from problems or type_problems(data_model(error), error.__name__)  # its defaults


def _shown(interface: type[Any]) -> str:
    return f"{interface.__module__}.{interface.__qualname__}"
