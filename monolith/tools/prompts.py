"""Which prompts the composed modules have, what each says, and what is wrong with how they are declared."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_origin, get_type_hints

from pydantic import ValidationError

from monolith.contracts.contract import Operation, Parameter, read_operation, signature_problems
from monolith.contracts.errors import InvalidCall
from monolith.contracts.schema import problems_in
from monolith.errors import CompositionError
from monolith.module import Module
from monolith.tools.offer import PromptOffer, prompt_offer_of
from monolith.tools.registry import MAX_NAME, marked_functions, offering_modules, tools, tools_of

if TYPE_CHECKING:
    from monolith.tools.tokens import Identity  # models: declarations are checked before Django is ready

MAX_ARGUMENT: Final = 10_000  # characters


@dataclass(frozen=True)
class Prompt:
    """What a person has an agent do, by name: `knowledge_answer_from_notes`."""

    name: str
    offer: PromptOffer
    operation: Operation  # what it takes
    function: Callable[..., str]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.operation.parameters

    def text(self, arguments: Mapping[str, str]) -> str:
        """Return what the agent is told; raises InvalidCall."""
        try:
            values = self.operation.arguments.validate_python(dict(arguments))
        except ValidationError as error:
            raise InvalidCall(self.name, problems_in(error)) from None
        if long := [name for name, value in values.items() if len(value) > MAX_ARGUMENT]:
            raise InvalidCall(self.name, [f"{name}: has over {MAX_ARGUMENT} characters" for name in long])
        return self.function(**values)


@cache
def prompts() -> Mapping[str, Prompt]:
    """Return the prompts of this process by name, those of one module together. Raises CompositionError."""
    modules = offering_modules()
    if problems := [problem for module in modules for problem in prompt_problems(module)]:
        raise CompositionError(problems)
    found = [prompt for module in modules for prompt in prompts_of(module)]
    return MappingProxyType({prompt.name: prompt for prompt in found})


def prompts_of(module: Module) -> list[Prompt]:
    """Return the prompts of one composed module whose declarations are sound, by name."""
    found = [
        Prompt(
            _name(module, function, offer),
            offer,
            read_operation(module.name, 1, function.__name__, function, without=()),
            function,
        )
        for function, offer in marked_functions(module, prompt_offer_of)
    ]
    return sorted(found, key=lambda each: each.name)


def visible_prompts(identity: "Identity") -> list[Prompt]:
    """Return the prompts all of whose tools are there and may be called by a token, by name."""
    return [each for each in prompts().values() if _is_visible(each, identity)]


def _is_visible(prompt: Prompt, identity: "Identity") -> bool:
    found = [tools().get(name) for name in prompt.offer.tools]
    return all(each is not None and identity.may(each.tag, each.module) for each in found)


def prompt_problems(module: Module) -> Iterator[str]:
    """Yield everything that is wrong with a module's prompts, each with its place and the fix."""
    places: dict[str, str] = {}
    for function, offer in marked_functions(module, prompt_offer_of):
        place, name = f"{function.__module__}.{function.__qualname__}", _name(module, function, offer)
        problems = list(signature_problems(place, function, without=()))
        yield from problems or _own_problems(place, module, function, offer)
        if len(name) > MAX_NAME:
            yield f"{place} is a prompt whose name has {len(name)} characters; use at most {MAX_NAME}"
        if name in places:
            yield f"{place} is the prompt {name}, and so is {places[name]}; give one another name"
        places[name] = place


def _own_problems(
    place: str, module: Module, function: Callable[..., Any], offer: PromptOffer
) -> Iterator[str]:
    hints = get_type_hints(function, include_extras=True)
    for name, hint in hints.items():
        if hint is not str and (get_origin(hint) is None or get_type_hints(function)[name] is not str):
            yield f"{place}({name}) is no text; annotate it with str, other types have no place in a prompt"
    own = {tool.name for tool in tools_of(module)}
    for tool in offer.tools:
        if tool.startswith(f"{module.name}_") and tool not in own:
            yield f"{place} counts on the tool {tool!r}, which there is not; name one of {', '.join(sorted(own))}"
    if not offer.tools:
        yield f"{place} counts on no tool; name in `tools` those that its text tells an agent to call"


def _name(module: Module, function: Callable[..., Any], offer: PromptOffer) -> str:
    return f"{module.name}_{offer.name or inspect.unwrap(function).__name__}"
