"""Which module declares which events and commands."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Final

from monolith.composition import composed
from monolith.contracts.files import contract_modules
from monolith.contracts.message_rules import message_problems
from monolith.contracts.messages import Message, MessageType
from monolith.module import Module

FRAMEWORK_MESSAGES: Final = ("monolith.jobs.messages",)


def messages_of(module: Module) -> list[type[Message]]:
    """Return the events and commands that a module's contract declares, in the order it does."""
    return [message for file in contract_modules(module) for message in messages_in(file)]


def framework_messages() -> list[type[Message]]:
    """Return what the framework tells as each module; nothing where no module declares `steers_jobs`, to hear it."""
    if not any(module.steers_jobs for module in composed().declared.values()):
        return []
    return [message for file in FRAMEWORK_MESSAGES for message in messages_in(import_module(file))]


def messages_problems(module: Module) -> Iterator[tuple[type[Message], str]]:
    """Yield everything that is wrong with a module's messages: which one, and what, with its place and the fix."""
    known: dict[str, type[Message]] = {}
    for message in messages_of(module):
        place = f"{message.__module__}.{message.__qualname__}"
        yield from ((message, problem) for problem in message_problems(message))
        other = known.setdefault(message.__name__, message)
        if other is not message:
            problem = f"{place} is in {other.__module__} too; keep one: a message changes by its version="
            yield message, problem
        if (named := message.message_type.module) != module.name:
            fix = "name the contract's file after its module"
            yield message, f"{place} would be a message of '{named}', and is one of '{module.name}'; {fix}"


def messages_in(file: ModuleType) -> list[type[Message]]:
    """Return the events and commands that a file declares, in the order it does."""
    found = (value for value in vars(file).values() if isinstance(value, type) and issubclass(value, Message))
    return list(dict.fromkeys(value for value in found if value.__module__ == file.__name__))


@cache
def message_types() -> Mapping[str, MessageType]:
    """Return the message types of every declared module, composed here or not, and the framework's, by name."""
    messages = [message for module in composed().declared.values() for message in messages_of(module)]
    return MappingProxyType(
        {message.message_type.name: message.message_type for message in [*messages, *framework_messages()]}
    )
