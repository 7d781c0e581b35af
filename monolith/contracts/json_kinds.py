"""From which kinds of JSON value a type is read: the members of a union must differ in them."""

import enum
import types
from collections.abc import Hashable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, Literal, NewType, TypeAliasType, Union, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from monolith.contracts.schema import IN_UTC

UNIONS: Final = (Union, types.UnionType)
_KINDS: Final[dict[Any, frozenset[str]]] = {
    None: frozenset({"null"}),
    type(None): frozenset({"null"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"number"}),
    float: frozenset({"number"}),
    str: frozenset({"string"}),
    bytes: frozenset({"string"}),
    Decimal: frozenset({"string", "number"}),  # written as the one, read from both
    date: frozenset({"string"}),
    timedelta: frozenset({"string"}),
    UUID: frozenset({"string"}),
    IN_UTC: frozenset({"string"}),
}


def resolved(annotation: Any) -> tuple[Any, list[Any]]:
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


def json_kinds(annotation: Any) -> frozenset[str]:
    """Return the kinds of JSON value that a type is read from; none for a type that is refused anyway."""
    plain, _ = resolved(annotation)
    origin, arguments = get_origin(plain), get_args(plain)
    if origin in UNIONS:
        return reduce(or_, (json_kinds(member) for member in arguments))
    if origin is Literal:
        return _kinds_of_values(arguments)
    if origin in (list, tuple):
        return frozenset({"array"})
    if isinstance(plain, type) and issubclass(plain, enum.Enum):
        return _kinds_of_values(plain)
    if origin is dict or (isinstance(plain, type) and issubclass(plain, BaseModel)):
        return frozenset({"object"})
    return scalar_kinds(plain)


def scalar_kinds(plain: Any) -> frozenset[str]:
    """Return the kinds of a type without parts; none when it is not allowed."""
    return _KINDS.get(plain, frozenset()) if isinstance(plain, Hashable) else frozenset()


def _kinds_of_values(values: Iterable[Any]) -> frozenset[str]:
    plain = [value.value if isinstance(value, enum.Enum) else value for value in values]
    texts = {"string"} if any(isinstance(value, str) for value in plain) else set()
    # A value is found by ==, which holds True and 1 to be the same.
    numbers = {"boolean", "number"} if any(isinstance(value, int) for value in plain) else set()
    return frozenset(texts | numbers)
