"""Which resources the composed modules have, where each is found, and what is wrong with how they are declared."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from monolith.contracts.contract import read_operation, signature_problems
from monolith.errors import CompositionError
from monolith.module import Module
from monolith.tools.definition import Tool
from monolith.tools.offer import Offer, ResourceOffer, Tag, resource_offer_of
from monolith.tools.registry import IDENTITIES, marked_functions, offering_modules

if TYPE_CHECKING:
    from monolith.tools.tokens import Identity  # models: declarations are checked before Django is ready

_PARAMETER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~-]+|/|\{[a-z][a-z0-9_]*\})+")


@dataclass(frozen=True)
class Resource:
    """Text that a client reads by its URI: `knowledge://notes/{slug}`."""

    tool: Tool  # by which it is read; its name is the URI
    offer: ResourceOffer

    @property
    def uri(self) -> str:
        return self.offer.uri

    @property
    def is_template(self) -> bool:
        """Say whether its URI has parameters."""
        return bool(_PARAMETER.search(self.uri))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return what its URIs look like. RFC 6570 calls this level 1: each parameter is one segment, or part of it."""
        parts = _PARAMETER.split(self.uri)  # literal, name, literal, …
        return re.compile(
            "".join(
                f"(?P<{part}>[^/?#]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
            )
        )


@cache
def resources() -> tuple[Resource, ...]:
    """Return the resources of this process, those of one module together. Raises CompositionError."""
    modules = offering_modules()
    if problems := [problem for module in modules for problem in resource_problems(module)]:
        raise CompositionError(problems)
    return tuple(found for module in modules for found in resources_of(module))


def resources_of(module: Module) -> list[Resource]:
    """Return the resources of one composed module whose declarations are sound, by URI."""
    found = [
        _resource(module, function, offer) for function, offer in marked_functions(module, resource_offer_of)
    ]
    return sorted(found, key=lambda each: each.uri)


def visible_resources(identity: "Identity") -> list[Resource]:
    """Return the resources that a token may read."""
    return [each for each in resources() if identity.may(each.tool.tag, each.tool.module)]


def resource_at(uri: str) -> tuple[Resource, dict[str, str]] | None:
    """Return the resource that a URI names with its arguments; None when it names none."""
    for each in resources():
        if match := each.pattern.fullmatch(uri):
            return each, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def resource_problems(module: Module) -> Iterator[str]:
    """Yield everything that is wrong with a module's resources, each with its place and the fix."""
    places: dict[str, str] = {}
    for function, offer in marked_functions(module, resource_offer_of):
        place = f"{function.__module__}.{function.__qualname__}"
        problems = list(signature_problems(place, function, without=()))
        yield from problems or _own_problems(place, module, function, offer)
        shape = _PARAMETER.sub("{}", offer.uri)
        if shape in places:
            yield f"{place} has the URI of {places[shape]}, {offer.uri!r}; give it another"
        places[shape] = place


def _own_problems(
    place: str, module: Module, function: Callable[..., Any], offer: ResourceOffer
) -> Iterator[str]:
    start = f"{module.name}://"
    if not offer.uri.startswith(start) or not _PATH.fullmatch(offer.uri.removeprefix(start)):
        yield f"{place} has the URI {offer.uri!r}; begin with {start!r} and go on with names and parameters in braces"
    signature = inspect.signature(function)
    named, taken = _PARAMETER.findall(offer.uri), list(signature.parameters)
    if sorted(named) != sorted(taken):
        yield f"{place} takes {taken} and its URI has {named}; name the same in both"
    if signature.return_annotation is not str:
        yield f"{place} does not return text; annotate its result with str"
    for name in taken:
        if name in IDENTITIES:
            yield f"{place}({name}) lets an agent say who it is; leave it out, call_scope() has it from the token"


def _resource(module: Module, function: Callable[..., Any], offer: ResourceOffer) -> Resource:
    said = Offer(
        name=function.__name__,
        tag=Tag.READ,
        cost=offer.cost,
        time_limit_s=offer.time_limit_s,
        from_users=offer.from_users,
    )
    tool = Tool(
        name=offer.uri,
        module=module.name,
        tag=Tag.READ,
        offer=said,
        operation=read_operation(module.name, 1, function.__name__, function, without=()),
        function=function,
    )
    return Resource(tool, offer)
