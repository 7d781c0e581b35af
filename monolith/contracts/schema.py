"""What may cross from one module to another: plain data, and Schemas made of it."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self, TypeAliasType

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.config import ExtraValues

CONFIG: Final = ConfigDict(
    strict=True,  # "5" is not 5: what one transport lets through, the other would not
    allow_inf_nan=False,  # JSON has neither
    ser_json_bytes="base64",
    val_json_bytes="base64",
    str_min_length=0,  # no bound, but makes pydantic refuse lone surrogates, which are no text in JSON
    validate_default=True,  # a default must be what its JSON is read as
    revalidate_instances="subclass-instances",  # of a subclass only what the contract names crosses
)
"""How every value of a contract is read and written, whichever way it travels."""


class Schema(BaseModel):
    """Frozen plain data of a contract. Unknown fields are left out, so that additive change is free.

    Ninja takes it wherever it takes its own Schema, which it is not: Ninja's reads attributes off whatever it is
    given, so that a model or a queryset becomes data by itself, and loses pydantic's strict reading of JSON by it.
    """

    model_config = ConfigDict(
        **CONFIG, frozen=True, extra="ignore", from_attributes=False, use_attribute_docstrings=True
    )


def adapter(name: str, annotation: Any, *, extra: ExtraValues | None = None) -> TypeAdapter[Any]:
    """Return what reads and writes values of an allowed type; `extra` is for a TypedDict."""
    # Behind an alias: pydantic takes no configuration beside a class, and a TypedDict's own does not reach its bytes.
    make: Any = TypeAliasType  # of data here, which the type checker cannot follow
    return TypeAdapter(make(name, annotation), config=ConfigDict(**CONFIG, extra=extra))


def problems_in(error: ValidationError) -> list[str]:
    """Return what is wrong, each with its place, without repeating values: they may be private."""
    return [
        f"{'.'.join(map(str, item['loc'])) or 'value'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]


class OpenEnum(StrEnum):
    """An Enum that may grow: a value of a newer version is kept as it is instead of being refused."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or not _is_text(value):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = value
        unknown._value_ = value
        return unknown


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


IN_UTC: Final = AfterValidator(_utc)
UtcDatetime = Annotated[AwareDatetime, IN_UTC]
"""A moment, normalised to UTC: an offset with seconds would not survive JSON, a zone's name never does."""
