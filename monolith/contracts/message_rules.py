"""What keeps a class from being a message: its options, its fields, its upcasters."""

import inspect
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from monolith.contracts.json_kinds import resolved
from monolith.contracts.messages import Message, MessageType, Upcaster
from monolith.contracts.plain_data import type_problems

_KEY_TYPES: Final = (str, int, UUID)
_TAKEN: Final = ("message_type", "partition_key")
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def message_problems(message: type[Message]) -> Iterator[str]:
    """Yield everything that is wrong with a declaration, each with its place and the fix."""
    declared = message.message_type
    place = f"{message.__module__}.{message.__qualname__}"
    if not message.__doc__:
        yield f"{place} has no docstring; say in one sentence what it tells"
    yield from _version_problems(declared, place)
    for name in (name for name in _TAKEN if name in message.model_fields):
        yield f"{place}.{name} is a name that messages use themselves; call it something else"
    problems = list(type_problems(message, place))
    yield from problems or _key_problems(message, place)


def _key_problems(message: type[Message], place: str) -> Iterator[str]:
    key = message.message_type.key
    known = message.model_fields.get(key)
    if known is None:
        fields = ", ".join(message.model_fields) or "none, give it one"
        said = f"the key {key!r}, which is no field of it" if key else "no key"
        yield f"{place} has {said}; name one by key=…: {fields}"
    elif not known.is_required() or not _may_be_key(known.annotation):
        yield f"{place}.{key} is its key; make it a str, int or UUID without a default"


def _may_be_key(annotation: Any) -> bool:
    plain, _ = resolved(annotation)
    # Two keys would keep nearly everything in order; whoever wants that says so with a text.
    return isinstance(plain, type) and issubclass(plain, _KEY_TYPES) and plain is not bool


def _version_problems(declared: MessageType, place: str) -> Iterator[str]:
    if not isinstance(declared.version, int) or declared.version < 1:
        yield f"{place} has version {declared.version!r}; versions count from 1"
        return
    for version, function in sorted(declared.upcasters.items()):
        its = f"{place} has an upcaster from version {version}"
        if not 1 <= version < declared.version:
            yield f"{its}, and is version {declared.version}; an upcaster takes an older one"
        elif version not in declared.readable_versions:
            gap = next(v for v in range(version, declared.version) if v not in declared.upcasters)
            yield f"{its} and none from version {gap}, so that neither is read; write the one that is missing"
        yield from _upcaster_problems(declared, function)


def _upcaster_problems(declared: MessageType, function: Upcaster) -> Iterator[str]:
    place = f"{function.__module__}.{function.__qualname__}"
    contract = declared.schema.__module__
    if function.__module__ != contract:
        yield f"{place} is an upcaster of {declared.name} outside its contract; move it to {contract}"
    parameters = inspect.signature(function).parameters.values()
    if len(parameters) != 1 or any(each.kind not in _POSITIONAL for each in parameters):
        yield f"{place} takes {len(parameters)} parameters; an upcaster takes the payload, and returns the newer one"
    if inspect.iscoroutinefunction(function):
        yield f"{place} is async; write it with def"
