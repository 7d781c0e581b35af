"""What a Schema, its fields and the notes of Annotated may say without making a value and its JSON differ."""

from collections.abc import Iterator
from typing import Any, Final

from annotated_types import BaseMetadata, Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from monolith.contracts.schema import Schema

_CONSTRAINTS: Final = (str, Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf, StringConstraints)
_MORE_CONSTRAINTS: Final = frozenset(
    {"pattern", "max_digits", "decimal_places"}
)  # pydantic's own, in one note
_DOCUMENTATION: Final = frozenset({"title", "json_schema_extra"})


def schema_problem(model: type[BaseModel]) -> str | None:
    """Return what keeps a class from being a contract's Schema, and the fix; None when nothing does."""
    if model is Schema:
        return "which is no Schema in particular; say which"
    if not issubclass(model, Schema):
        return "which is no contract Schema; derive it from monolith.contracts.Schema"
    if model.__pydantic_generic_metadata__["parameters"]:
        return "without its parameters; say what is in it"
    if changed := _changed_configuration(model):
        return f"whose model_config changes {changed}; leave it as Schema has it"
    if functions := ", ".join(_functions(model)):
        return (
            f"whose {functions} may make a value and its JSON differ; check with constraints of Field() or in "
            f'@model_validator(mode="after"), compute in a property'
        )
    if model.__private_attributes__:
        return (
            f"whose {', '.join(model.__private_attributes__)} does not cross; make it a field or leave it out"
        )
    return None


def _changed_configuration(model: type[BaseModel]) -> str:
    own, base = dict(model.model_config), dict(Schema.model_config)
    return ", ".join(
        sorted(
            key
            for key in own.keys() | base.keys()
            if key not in _DOCUMENTATION and own.get(key) != base.get(key)
        )
    )


def _functions(model: type[BaseModel]) -> list[str]:
    found = model.__pydantic_decorators__
    return [
        *found.validators,
        *found.root_validators,
        *found.field_validators,
        *found.field_serializers,
        *found.model_serializers,
        *found.computed_fields,
        *(name for name, each in found.model_validators.items() if each.info.mode != "after"),
    ]


def field_problems(field: FieldInfo, place: str) -> Iterator[str]:
    """Yield what is wrong with how Field() declares something, with its place and the fix."""
    if field.alias or field.validation_alias or field.serialization_alias:
        yield f"{place} has an alias; call it by one name"
    if field.exclude or field.exclude_if:
        yield f"{place} is left out of JSON; leave it out of the Schema"


def note_problems(note: Any, place: str) -> Iterator[str]:
    """Yield what is wrong with a note of Annotated, with its place and the fix."""
    if isinstance(note, FieldInfo):
        yield from field_problems(note, place)
        if not note.is_required():
            yield f"{place} has its default in Field(); write it after ="
        for constraint in note.metadata:
            yield from note_problems(constraint, place)
    elif not _is_constraint(note):
        yield (
            f"{place} is annotated with {note!r}, which may make a value and its JSON differ; "
            f"use the constraints of Field()"
        )


def _is_constraint(note: Any) -> bool:
    if isinstance(note, _CONSTRAINTS):
        return True
    return isinstance(note, BaseMetadata) and getattr(note, "__dict__", {"": 0}).keys() <= _MORE_CONSTRAINTS
