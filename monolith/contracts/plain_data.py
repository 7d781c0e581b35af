"""Which types may stand in a contract: those whose every value survives JSON, equal and of the same type."""

import enum
import types
from collections.abc import Hashable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NewType,
    TypeAliasType,
    Union,
    get_args,
    get_origin,
    is_typeddict,
)
from uuid import UUID

from django.db.models import Manager, Model, QuerySet
from pydantic import AwareDatetime, BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import SchemaError

from monolith.contracts.declarations import field_problems, note_problems, schema_problem
from monolith.contracts.schema import IN_UTC, adapter

_KIND: Final[dict[Any, str]] = {
    None: "null",
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
_UNIONS: Final = (Union, types.UnionType)
_ALLOWED: Final = (
    "None, bool, int, float, str, bytes, Decimal, date, timedelta, UUID, UtcDatetime, an Enum, a Literal, a Schema, "
    "or a list, tuple, dict or union of them"
)
_ZONE: Final = "use monolith.contracts.UtcDatetime: a moment needs a rule for its zone"
_FIX: Final[dict[Any, str]] = {
    Any: "say which type it is",
    object: "say which type it is",
    list: "say what is in it, list[…]",
    dict: "say what is in it, dict[…, …]",
    tuple: "say what is in it, tuple[…]",
    datetime: _ZONE,
    AwareDatetime: _ZONE,
    time: "use int minutes or str: a time of day has no one form in JSON",
    set: "use list: JSON has no sets, and theirs have no order",
    frozenset: "use list: JSON has no sets, and theirs have no order",
}


def type_problems(annotation: Any, place: str) -> Iterator[str]:
    """Yield what is wrong with a type that stands in a contract, with its place and the fix."""
    problems = list(_problems(annotation, place, frozenset()))
    yield from problems or _unreadable(annotation, place)


def default_problems(annotation: Any, default: Any, place: str) -> Iterator[str]:
    """Yield what is wrong with the default of an allowed type."""
    try:
        adapter("default", annotation).validate_python(default)
    except ValidationError:
        yield f"{place} has the default {default!r}, which is not of its type; correct one of them"


def _unreadable(annotation: Any, place: str) -> Iterator[str]:
    try:
        TypeAdapter(annotation)
    except (PydanticUserError, SchemaError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        yield f"{place} is {_shown(annotation)}, which pydantic cannot read ({reason}); use {_ALLOWED}"


def _problems(
    annotation: Any, place: str, above: frozenset[Any], *, discriminated: bool = False
) -> Iterator[str]:
    if isinstance(annotation, TypeAliasType):
        if annotation in above:
            return  # a tree of itself is plain data
        above |= {annotation}
    plain, notes = _resolved(annotation)
    for note in notes:
        yield from note_problems(note, place)
    origin, arguments = get_origin(plain), get_args(plain)
    if origin in _UNIONS:
        by_note = any(isinstance(n, FieldInfo) and isinstance(n.discriminator, str) for n in notes)
        yield from _union_problems(arguments, place, above, discriminated=discriminated or by_note)
    elif origin is Literal:
        yield from _literal_problems(arguments, place)
    elif origin in (list, tuple) and not getattr(plain, "__unpacked__", False):
        for member in arguments:
            if member is not Ellipsis:
                yield from _problems(member, f"{place}[]", above)
    elif origin is dict:
        yield from _key_problems(arguments[0], place)
        yield from _problems(arguments[1], f"{place}[key]", above)
    elif isinstance(plain, type) and issubclass(plain, BaseModel):
        yield from _schema_problems(plain, place, above)
    elif isinstance(plain, type) and issubclass(plain, enum.Enum):
        yield from _enum_problems(plain, f"{place} ({plain.__name__})")
    elif plain is not IN_UTC and _kind(plain) is None:
        yield f"{place} is {_shown(plain)}, which is not plain data; {_fix(plain)}"


def _resolved(annotation: Any) -> tuple[Any, list[Any]]:
    """Return what aliases, NewTypes and Annotated stand for, and Annotated's notes; IN_UTC for a UtcDatetime."""
    notes: list[Any] = []
    while True:
        if isinstance(annotation, TypeAliasType):
            annotation = annotation.__value__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            notes = [*more, *notes]
        elif annotation is AwareDatetime and IN_UTC in notes:
            return IN_UTC, [note for note in notes if note != IN_UTC]
        else:
            return annotation, notes


def _fix(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return "give its key, or a Schema with what the other side needs of it"
    if isinstance(annotation, type) and issubclass(annotation, QuerySet | Manager):
        return "give a list of Schemas"
    if is_typeddict(annotation) or hasattr(annotation, "__dataclass_fields__") or _is_named_tuple(annotation):
        return "make it a Schema"
    known = _FIX.get(annotation) if isinstance(annotation, Hashable) else None
    return known or f"use {_ALLOWED}"


def _is_named_tuple(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def _union_problems(
    members: tuple[Any, ...], place: str, above: frozenset[Any], *, discriminated: bool
) -> Iterator[str]:
    for member in members:
        yield from _problems(member, place, above)
    kinds = [(kind, member) for member in members for kind in sorted(_kinds(member))]
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
    """Return the kinds of JSON values that a type is written as; none for a type that is refused anyway."""
    plain, _ = _resolved(annotation)
    if plain is IN_UTC:
        return frozenset({"string"})
    origin, arguments = get_origin(plain), get_args(plain)
    if origin in _UNIONS:
        return reduce(or_, (_kinds(member) for member in arguments))
    if origin is Literal:
        return _kinds_of_values(arguments)
    if origin in (list, tuple):
        return frozenset({"array"})
    if isinstance(plain, type) and issubclass(plain, enum.Enum):
        return _kinds_of_values(plain)
    if origin is dict or (isinstance(plain, type) and issubclass(plain, BaseModel)):
        return frozenset({"object"})
    kind = _kind(plain)
    return frozenset({kind}) if kind else frozenset()


def _kind(plain: Any) -> str | None:
    return _KIND.get(plain) if isinstance(plain, Hashable) else None


def _kinds_of_values(values: Any) -> frozenset[str]:
    plain = (value.value if isinstance(value, enum.Enum) else value for value in values)
    return frozenset(_KIND.get(type(value), "string") for value in plain)


def _enum_problems(choices: type[enum.Enum], place: str) -> Iterator[str]:
    if issubclass(choices, enum.Flag):
        yield f"{place} is a Flag, whose sets of members are no values; use a list of an Enum"
    yield from _literal_problems(tuple(member.value for member in choices), place)


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
    plain, notes = _resolved(annotation)
    for note in notes:
        yield from note_problems(note, f"{place} (its keys)")
    is_text = isinstance(plain, type) and issubclass(plain, enum.StrEnum)
    if not is_text and plain not in _KEYS:
        yield f"{place} has keys of {_shown(plain)}; use str, int, date, UUID or a StrEnum"


def _schema_problems(model: type[BaseModel], place: str, above: frozenset[Any]) -> Iterator[str]:
    if model in above:
        return  # a tree of itself is plain data
    if problem := schema_problem(model):
        yield f"{place} is {_shown(model)}, {problem}"
        return
    for name, field in model.model_fields.items():
        yield from _field_problems(field, f"{model.__name__}.{name}", above | {model})


def _field_problems(field: FieldInfo, place: str, above: frozenset[Any]) -> Iterator[str]:
    annotation = field.rebuild_annotation()
    problems = list(field_problems(field, place))
    problems += _problems(annotation, place, above, discriminated=isinstance(field.discriminator, str))
    if not problems and not field.is_required() and field.default_factory is None:
        problems += default_problems(annotation, field.default, place)
    yield from problems


def _shown(annotation: Any) -> str:
    if isinstance(annotation, type) and not get_args(annotation):
        return (
            annotation.__qualname__
            if annotation.__module__ == "builtins"
            else f"{annotation.__module__}.{annotation.__qualname__}"
        )
    return str(annotation).replace("typing.", "")
