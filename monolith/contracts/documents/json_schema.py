"""Allowed types as JSON Schema 2020-12, as exactly as they are read and written."""

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema, to_jsonable_python

from monolith.contracts.schema import OpenEnum

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
CLOSED: Final = "x-closed"  # an Enum that refuses values it does not know
KNOWN: Final = "x-extensible-enum"  # an OpenEnum's values as far as known; more may come
# JSON Schema has no words for bounds of what is written as text; these are ajv-formats'.
_BOUNDS: Final = {
    "ge": "formatMinimum",
    "gt": "formatExclusiveMinimum",
    "le": "formatMaximum",
    "lt": "formatExclusiveMaximum",
}
_DIGITS: Final = {"max_digits": "x-max-digits", "decimal_places": "x-decimal-places"}
_INT_KEY: Final = "^-?[0-9]+$"


class ContractJsonSchema(GenerateJsonSchema):
    """Describes what pydantic's own generator leaves out: open and closed Enums, bounds of texts, keys."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        written = super().generate_inner(schema)
        return {_BOUNDS.get(word, word): value for word, value in written.items()}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # "Starts At" says no more than starts_at

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001 - pydantic's signature
        # Every field of a Schema is written, whether it has a default or not.
        is_written = self.mode == "serialization" and field["type"] == "model-field"
        return is_written or super().field_is_required(field, total)

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        written = super().enum_schema(schema)
        if issubclass(schema["cls"], OpenEnum):
            return written | {KNOWN: written.pop("enum")}
        return written | {CLOSED: True}

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        return super().bytes_schema(schema) | {"format": "base64url"}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        return {"type": "string", "format": "decimal"} | _bounds(schema)

    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        return super().date_schema(schema) | _bounds(schema)

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        return super().datetime_schema(schema) | _bounds(schema)

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        # With a sign, fractions and days beside years: more than JSON Schema's own "duration" has.
        return super().timedelta_schema(schema) | {"format": "iso8601-duration"} | _bounds(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        written = super().dict_schema(schema)
        if schema["keys_schema"]["type"] == "int":
            written["propertyNames"] = {"pattern": _INT_KEY}
        return written


def _bounds(schema: Any) -> JsonSchemaValue:
    bounds = {word: _text(schema[name]) for name, word in _BOUNDS.items() if name in schema}
    return bounds | {word: schema[name] for name, word in _DIGITS.items() if name in schema}


def _text(bound: Any) -> str:
    return str(to_jsonable_python(bound))
