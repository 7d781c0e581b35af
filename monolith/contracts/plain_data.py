"""Which types may stand in a contract: those whose every value survives JSON, equal and of the same type."""

import enum
import types
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel, Json
from pydantic.fields import FieldInfo

from monolith.contracts.schema import Schema, UtcDatetime

_KIND: Final[dict[Any, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    bytes: "string",
    Decimal: "string",
    date: "string",
    timedelta: "string",
    UUID: "string",
}
_KEYS: Final = (str, int, date, UUID)
_ALLOWED: Final = (
    "None, bool, int, float, str, bytes, Decimal, date, timedelta, UUID, UtcDatetime, an Enum, a Literal, a Schema, "
    "or a list, tuple, dict or union of them"
)
_FIX: Final[dict[Any, str]] = {
    Any: "say which type it is",
    object: "say which type it is",
    datetime: "use monolith.contracts.UtcDatetime: a moment needs a rule for its zone",
    time: "use int minutes or str: a time of day has no one form in JSON",
    set: "use list: JSON has no sets, and theirs have no order",
    frozenset: "use list: JSON has no sets, and theirs have no order",
}


def type_problems(annotation: Any, place: str) -> Iterator[str]:
    """Yield what is wrong with a type that stands in a contract, with its place and the fix."""
    yield from _problems(annotation, place, frozenset())


def _problems(annotation: Any, place: str, above: frozenset[Any]) -> Iterator[str]:
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    if annotation == UtcDatetime:
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _annotated_problems(annotation, place, above)
    elif origin in (Union, types.UnionType):
        yield from _union_problems(arguments, place, above, discriminated=False)
    elif origin is Literal:
        yield from _literal_problems(arguments, place)
    elif origin in (list, tuple):
        members = [a for a in arguments if a is not Ellipsis]
        for member in members:
            yield from _problems(member, f"{place}[]", above)
    elif origin is dict:
        yield from _key_problems(arguments[0], place)
        yield from _problems(arguments[1], f"{place}[key]", above)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _schema_problems(annotation, place, above)
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        yield from _literal_problems(tuple(m.value for m in annotation), f"{place} ({annotation.__name__})")
    elif annotation is not None and annotation not in _KIND:
        yield _refusal(annotation, place)


def _refusal(annotation: Any, place: str) -> str:
    if annotation in (list, dict, tuple):
        fix = f"say what is in it, {annotation.__name__}[…]"
    else:
        try:
            fix = _FIX.get(annotation, f"use {_ALLOWED}")
        except TypeError:  # not hashable
            fix = f"use {_ALLOWED}"
    return f"{place} is {_shown(annotation)}, which is not plain data; {fix}"


def _annotated_problems(annotation: Any, place: str, above: frozenset[Any]) -> Iterator[str]:
    inner, *notes = get_args(annotation)
    discriminated = any(isinstance(note, FieldInfo) and note.discriminator for note in notes)
    if get_origin(inner) in (Union, types.UnionType):
        yield from _union_problems(get_args(inner), place, above, discriminated=discriminated)
    elif any(note is Json or type(note) is Json for note in notes):
        yield f"{place} is Json, whose text and value differ; use the type itself"
    else:
        yield from _problems(inner, place, above)


def _union_problems(
    members: tuple[Any, ...], place: str, above: frozenset[Any], *, discriminated: bool
) -> Iterator[str]:
    for member in members:
        yield from _problems(member, place, above)
    kinds = [(kind, member) for member in members for kind in _kinds(member)]
    for index, (kind, member) in enumerate(kinds):
        other = next((m for k, m in kinds[:index] if k == kind and m is not member), None)
        if other is None or (discriminated and kind == "object"):
            continue
        fix = (
            "give each Schema a Literal field and name it with Field(discriminator=…)"
            if kind == "object"
            else "keep one of them"
        )
        yield (
            f"{place} is {_shown(other)} or {_shown(member)}, and JSON has one kind, {kind}, for both; {fix}"
        )


def _kinds(annotation: Any) -> frozenset[str]:
    """Return the kinds of JSON values that a type is written as."""
    if isinstance(annotation, TypeAliasType):
        return _kinds(annotation.__value__)
    if annotation is None:
        return frozenset({"null"})
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return frozenset({"string"}) if annotation == UtcDatetime else _kinds(arguments[0])
    if origin in (Union, types.UnionType):
        return reduce(or_, (_kinds(member) for member in arguments))
    if origin is Literal:
        return frozenset(_KIND.get(type(value), "string") for value in arguments)
    if origin in (list, tuple):
        return frozenset({"array"})
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return frozenset(_KIND.get(type(member.value), "string") for member in annotation)
    if origin is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return frozenset({"object"})
    return frozenset({_KIND[annotation]}) if annotation in _KIND else frozenset()


def _literal_problems(values: tuple[Any, ...], place: str) -> Iterator[str]:
    for value in values:
        if not isinstance(value, str | int):
            yield f"{place} has the value {value!r}; use str or int values"
    if any(
        value == other and value is not other and type(value) is not type(other)
        for i, value in enumerate(values)
        for other in values[:i]
    ):
        yield f"{place} has values that compare equal and differ in type; keep one of them"


def _key_problems(annotation: Any, place: str) -> Iterator[str]:
    is_text = isinstance(annotation, type) and issubclass(annotation, enum.StrEnum)
    if annotation not in _KEYS and not is_text:
        yield f"{place} has keys of {_shown(annotation)}; use str, int, date, UUID or a StrEnum"


def _schema_problems(model: type[BaseModel], place: str, above: frozenset[Any]) -> Iterator[str]:
    if model in above:
        return  # a tree of itself is plain data
    if not issubclass(model, Schema):
        yield f"{place} is {_shown(model)}, which is no contract Schema; derive it from monolith.contracts.Schema"
        return
    if model.__pydantic_generic_metadata__["parameters"]:
        yield f"{place} is {_shown(model)} without its parameters; say what is in it"
        return
    if not model.model_config.get("frozen") or not model.model_config.get("strict"):
        yield f"{place} is {_shown(model)}, which is not frozen and strict; leave both as Schema has them"
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        hint = hints.get(name, field.annotation)
        if field.discriminator and get_origin(hint) in (Union, types.UnionType):
            yield from _union_problems(
                get_args(hint), f"{model.__name__}.{name}", above | {model}, discriminated=True
            )
        else:
            yield from _problems(hint, f"{model.__name__}.{name}", above | {model})


def _shown(annotation: Any) -> str:
    if isinstance(annotation, type) and not get_args(annotation):
        return (
            annotation.__qualname__
            if annotation.__module__ == "builtins"
            else f"{annotation.__module__}.{annotation.__qualname__}"
        )
    return str(annotation).replace("typing.", "")
