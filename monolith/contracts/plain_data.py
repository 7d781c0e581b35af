"""Which types may stand in a contract: those whose every value survives JSON, equal and of the same type."""

import enum
from collections.abc import Hashable, Iterator
from datetime import date, datetime, time
from typing import Any, Final, Literal, TypeAliasType, get_args, get_origin, is_typeddict
from uuid import UUID

from django.db.models import Manager, Model, QuerySet
from pydantic import AwareDatetime, BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import SchemaError

from monolith.contracts.declarations import field_problems, note_problems, schema_problem
from monolith.contracts.json_kinds import UNIONS, json_kinds, resolved, scalar_kinds
from monolith.contracts.schema import adapter

_KEYS: Final = (str, int, date, UUID)
_ALLOWED: Final = (
    "None, bool, int, float, str, bytes, Decimal, date, timedelta, UUID, UtcDatetime, an Enum, a Literal, a Schema, "
    "or a list, tuple, dict or union of them"
)
_ZONE: Final = "use monolith.contracts.UtcDatetime: a moment needs a rule for its zone"
_CONTAINERS: Final = (list, dict, tuple)
_FIX: Final[dict[Any, str]] = {
    Any: "say which type it is",
    object: "say which type it is",
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
    plain, notes = resolved(annotation)
    for note in notes:
        yield from note_problems(note, place)
    origin, arguments = get_origin(plain), get_args(plain)
    if origin in UNIONS:
        by_note = any(isinstance(n, FieldInfo) and isinstance(n.discriminator, str) for n in notes)
        yield from _union_problems(arguments, place, above, discriminated=discriminated or by_note)
    elif origin is Literal:
        yield from _literal_problems(arguments, place)
    elif _is_bare(plain):
        yield f"{place} is {_shown(plain)}, which does not say what is in it; write {_shown(plain).lower()}[…]"
    elif origin in (list, tuple) and not getattr(plain, "__unpacked__", False):
        for member in arguments:
            if member is not Ellipsis:
                yield from _problems(member, f"{place}[]", above)
    elif origin is dict:
        yield from _key_problems(arguments[0], place)
        yield from _problems(arguments[1], f"{place}[key]", above)
    elif _is_model(plain):
        yield from _schema_problems(plain, place, above)
    elif isinstance(plain, type) and issubclass(plain, enum.Enum):
        yield from _enum_problems(plain, f"{place} ({plain.__name__})")
    elif not scalar_kinds(plain):
        yield f"{place} is {_shown(plain)}, which is not plain data; {_fix(plain)}"


def _is_bare(plain: Any) -> bool:
    is_container = plain in _CONTAINERS or get_origin(plain) in _CONTAINERS
    return is_container and not get_args(plain) and plain != tuple[()]


def _fix(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return "give its key, or a Schema with what the other side needs of it"
    if isinstance(annotation, type) and issubclass(annotation, QuerySet | Manager):
        return "give a list of Schemas"
    if is_typeddict(annotation) or hasattr(annotation, "__dataclass_fields__") or _is_named_tuple(annotation):
        return "make it a Schema"
    kind = get_origin(annotation) or annotation
    known = _FIX.get(kind) if isinstance(kind, Hashable) else None
    return known or f"use {_ALLOWED}"


def _is_named_tuple(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def _union_problems(
    members: tuple[Any, ...], place: str, above: frozenset[Any], *, discriminated: bool
) -> Iterator[str]:
    for member in members:
        yield from _problems(member, place, above)
    kinds = [(kind, member) for member in members for kind in sorted(json_kinds(member))]
    for index, (kind, member) in enumerate(kinds):
        other = next((m for k, m in kinds[:index] if k == kind and m is not member), None)
        if other is None or (discriminated and kind == "object"):
            continue
        fix = (
            "give each a Literal field and name it with Field(discriminator=…)"
            if _is_model(other) and _is_model(member)
            else "keep one of them"
        )
        yield f"{place} is {_shown(other)} or {_shown(member)}, and both are read from a JSON {kind}; {fix}"


def _is_model(annotation: Any) -> bool:
    plain, _ = resolved(annotation)
    return isinstance(plain, type) and issubclass(plain, BaseModel)


def _enum_problems(choices: type[enum.Enum], place: str) -> Iterator[str]:
    if issubclass(choices, enum.Flag):
        yield f"{place} is a Flag, whose sets of members are no values; use a list of an Enum"
    if not len(choices):
        yield f"{place} has no values; say which Enum"
    yield from _literal_problems(tuple(member.value for member in choices), place)


def _literal_problems(values: tuple[Any, ...], place: str) -> Iterator[str]:
    for value in values:
        if not (isinstance(value, str) or (isinstance(value, int) and value.bit_length() < 64)):
            yield f"{place} has the value {value!r}; use values of str, or of int within 64 bits"
    if any(
        value == other and value is not other and type(value) is not type(other)
        for i, value in enumerate(values)
        for other in values[:i]
    ):
        yield f"{place} has values that compare equal and differ in type; keep one of them"


def _key_problems(annotation: Any, place: str) -> Iterator[str]:
    plain, notes = resolved(annotation)
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
            if annotation.__module__ in ("builtins", "typing")
            else f"{annotation.__module__}.{annotation.__qualname__}"
        )
    return str(annotation).replace("typing.", "")
