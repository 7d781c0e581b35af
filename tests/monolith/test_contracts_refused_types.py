"""Types that contracts refuse, each with its place and its fix."""

import enum
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import IO, Annotated, Any, Literal, NamedTuple, Protocol, TypedDict, TypeVar

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Manager, QuerySet
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Json,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    Strict,
    computed_field,
    field_serializer,
    field_validator,
    model_validator,
)

from monolith import CompositionError
from monolith.contracts import DeclaredError, Interface, OpenEnum, Schema, raises
from monolith.contracts.contract import contract_of
from monolith.contracts.plain_data import type_problems


class Point(NamedTuple):
    x: int


class Options(TypedDict):
    x: int


@dataclass
class Record:
    x: int


class Loose(BaseModel):
    x: int


class Thawed(Schema):
    model_config = ConfigDict(frozen=False)
    x: int


class FromOrm(Schema):
    model_config = ConfigDict(from_attributes=True, extra="allow")
    x: int


class Page[T](Schema):
    items: list[T]


class Handler(Schema):
    run: Callable[[int], str]


class Outer(Schema):
    inner: dict[str, list[Handler]]


class Aliased(Schema):
    x: int = Field(alias="y")


class Excluded(Schema):
    x: int = Field(default=1, exclude=True)


class Defaulted(Schema):
    x: int = "1"  # type: ignore[assignment]  # what is refused


class Validated(Schema):
    x: int

    @field_validator("x")
    @classmethod
    def double(cls, value: int) -> int:
        return 2 * value


class Read(Schema):
    x: int

    @model_validator(mode="before")
    @classmethod
    def read(cls, value: Any) -> Any:
        return value


class Written(Schema):
    x: int

    @field_serializer("x")
    def text(self, value: int) -> str:
        return str(value)


class Computed(Schema):
    x: int

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def y(self) -> int:
        return self.x


class Hidden(Schema):
    x: int
    _y: int = PrivateAttr(default=1)


class Cat(Schema):
    kind: Literal["cat"]


class Dog(Schema):
    kind: Literal["dog"]


class Days(enum.Flag):
    MON = 1
    TUE = 2


class Rates(enum.Enum):
    LOW = 0.5


class Huge(enum.IntEnum):
    VALUE = 2**63


T = TypeVar("T")
type Endless = list[Endless] | Any

NOT_PLAIN = (
    "which is not plain data; use None, bool, int, float, str, bytes, Decimal, date, timedelta, UUID, UtcDatetime, "
    "an Enum, a Literal, a Schema, or a list, tuple, dict or union of them"
)
ZONE = "use monolith.contracts.UtcDatetime: a moment needs a rule for its zone"
NO_SETS = "use list: JSON has no sets, and theirs have no order"
FUNCTIONS = (
    "may make a value and its JSON differ; check with constraints of Field() or in "
    '@model_validator(mode="after"), compute in a property'
)
DIFFER = "which may make a value and its JSON differ; use the constraints of Field()"
A_MODEL = (
    "django.contrib.auth.models.User, which is not plain data; "
    "give its key, or a Schema with what the other side needs of it"
)
UNTAGGED = (
    f"here is {__name__}.Cat or {__name__}.Dog, and both are read from a JSON object; "
    f"give each a Literal field and name it with Field(discriminator=…)"
)
KEYS = "use str, int, date, UUID or a StrEnum"

REFUSED: list[tuple[Any, str]] = [
    (Any, "here is Any, which is not plain data; say which type it is"),
    (object, "here is object, which is not plain data; say which type it is"),
    (
        User,
        f"here is {A_MODEL}",
    ),
    (
        QuerySet[Any],
        "here is django.db.models.query.QuerySet, which is not plain data; give a list of Schemas",
    ),
    (Manager, "here is django.db.models.manager.Manager, which is not plain data; give a list of Schemas"),
    (type[int], f"here is type[int], {NOT_PLAIN}"),
    (Callable[[int], str], f"here is collections.abc.Callable[[int], str], {NOT_PLAIN}"),
    (IO[bytes], f"here is IO[bytes], {NOT_PLAIN}"),
    (BytesIO, f"here is _io.BytesIO, {NOT_PLAIN}"),
    (UploadedFile, f"here is django.core.files.uploadedfile.UploadedFile, {NOT_PLAIN}"),
    (datetime, f"here is datetime.datetime, which is not plain data; {ZONE}"),
    (AwareDatetime, f"here is pydantic.types.AwareDatetime, which is not plain data; {ZONE}"),
    (
        time,
        "here is datetime.time, which is not plain data; use int minutes or str: a time of day has no one form in JSON",
    ),
    (list, "here is list, which does not say what is in it; write list[…]"),
    (tuple, "here is tuple, which does not say what is in it; write tuple[…]"),
    (dict, "here is dict, which does not say what is in it; write dict[…]"),
    (set[int], f"here is set[int], which is not plain data; {NO_SETS}"),
    (frozenset[str], f"here is frozenset[str], which is not plain data; {NO_SETS}"),
    (Sequence[int], f"here is collections.abc.Sequence[int], {NOT_PLAIN}"),
    (Iterator[int], f"here is collections.abc.Iterator[int], {NOT_PLAIN}"),
    (tuple[int, *tuple[str, ...]], f"here[] is *tuple[str, ...], {NOT_PLAIN}"),
    (Point, f"here is {__name__}.Point, which is not plain data; make it a Schema"),
    (Options, f"here is {__name__}.Options, which is not plain data; make it a Schema"),
    (Record, f"here is {__name__}.Record, which is not plain data; make it a Schema"),
    (
        Loose,
        f"here is {__name__}.Loose, which is no contract Schema; derive it from monolith.contracts.Schema",
    ),
    (
        Thawed,
        f"here is {__name__}.Thawed, whose model_config changes frozen; leave it as Schema has it",
    ),
    (
        FromOrm,
        f"here is {__name__}.FromOrm, whose model_config changes extra, from_attributes; leave it as Schema has it",
    ),
    (Schema, "here is monolith.contracts.schema.Schema, which is no Schema in particular; say which"),
    (Page, f"here is {__name__}.Page, without its parameters; say what is in it"),
    (Page[Any], "Page[Any].items[] is Any, which is not plain data; say which type it is"),
    (Outer, f"Handler.run is collections.abc.Callable[[int], str], {NOT_PLAIN}"),
    (Aliased, "Aliased.x has an alias; call it by one name"),
    (Excluded, "Excluded.x is left out of JSON; leave it out of the Schema"),
    (Defaulted, "Defaulted.x has the default '1', which is not of its type; correct one of them"),
    (Validated, f"here is {__name__}.Validated, whose double {FUNCTIONS}"),
    (Read, f"here is {__name__}.Read, whose read {FUNCTIONS}"),
    (Written, f"here is {__name__}.Written, whose text {FUNCTIONS}"),
    (Computed, f"here is {__name__}.Computed, whose y {FUNCTIONS}"),
    (Hidden, f"here is {__name__}.Hidden, whose _y does not cross; make it a field or leave it out"),
    (Json, f"here is pydantic.types.Json, {NOT_PLAIN}"),
    (Json[int], f"here is annotated with Json, {DIFFER}"),
    (SecretStr, f"here is pydantic.types.SecretStr, {NOT_PLAIN}"),
    (re.Pattern[str], f"here is re.Pattern[str], {NOT_PLAIN}"),
    (Path, f"here is {Path.__module__}.Path, {NOT_PLAIN}"),
    (complex, f"here is complex, {NOT_PLAIN}"),
    (T, f"here is ~T, {NOT_PLAIN}"),
    (Endless, "here is Any, which is not plain data; say which type it is"),
    (DeclaredError, f"here is monolith.contracts.errors.DeclaredError, {NOT_PLAIN}"),
    ([int], f"here is [<class 'int'>], {NOT_PLAIN}"),
    (Days, "here (Days) is a Flag, whose sets of members are no values; use a list of an Enum"),
    (Rates, "here (Rates) has the value 0.5; use values of str, or of int within 64 bits"),
    (Huge, f"here (Huge) has the value {2**63}; use values of str, or of int within 64 bits"),
    (OpenEnum, "here (OpenEnum) has no values; say which Enum"),
    (Literal[b"x"], "here has the value b'x'; use values of str, or of int within 64 bits"),
    (Literal[1, True], "here has values that compare equal and differ in type; keep one of them"),
    (dict[float, int], f"here has keys of float; {KEYS}"),
    (dict[str | int, int], f"here has keys of str | int; {KEYS}"),
    (dict[str, Any], "here[key] is Any, which is not plain data; say which type it is"),
    (list[Any] | None, "here[] is Any, which is not plain data; say which type it is"),
    (int | float, "here is int or float, and both are read from a JSON number; keep one of them"),
    (
        int | Decimal,
        "here is int or decimal.Decimal, and both are read from a JSON number; keep one of them",
    ),
    (
        bool | Literal[1],
        "here is bool or Literal[1], and both are read from a JSON boolean; keep one of them",
    ),
    (str | date, "here is str or datetime.date, and both are read from a JSON string; keep one of them"),
    (
        list[int] | tuple[str, ...],
        "here is list[int] or tuple[str, ...], and both are read from a JSON array; keep one of them",
    ),
    (
        dict[str, int] | Cat,
        f"here is dict[str, int] or {__name__}.Cat, and both are read from a JSON object; keep one of them",
    ),
    (
        Cat | Dog,
        UNTAGGED,
    ),
    (
        Annotated[Cat | Dog, Discriminator(repr)],
        f"here is annotated with {Discriminator(repr)!r}, {DIFFER}",
    ),
    (Annotated[int, Strict(strict=False)], f"here is annotated with Strict(strict=False), {DIFFER}"),
    (Annotated[int, BeforeValidator(int)], f"here is annotated with {BeforeValidator(int)!r}, {DIFFER}"),
    (Annotated[int, AfterValidator(abs)], f"here is annotated with {AfterValidator(abs)!r}, {DIFFER}"),
    (Annotated[int, PlainSerializer(str)], f"here is annotated with {PlainSerializer(str)!r}, {DIFFER}"),
    (Annotated[int, Field(alias="x")], "here has an alias; call it by one name"),
    (Annotated[int, Field(default=3)], "here has its default in Field(); write it after ="),
]


@pytest.mark.parametrize(
    ("annotation", "message"), REFUSED, ids=[str(index) for index in range(len(REFUSED))]
)
def test_what_json_would_change_is_refused_with_place_and_fix(annotation: Any, message: str) -> None:
    assert next(type_problems(annotation, "here")) == message


class Broken(DeclaredError):
    """It is broken."""

    status = 200
    at: datetime
    count: int = "1"  # type: ignore[assignment]  # what is refused


class Miscounted(DeclaredError):
    """It is miscounted."""

    count: int = "1"  # type: ignore[assignment]  # what is refused


class Refused(Interface, Protocol):
    """A contract that is refused."""

    @raises(Broken, Miscounted)
    def read(self, *, hike: User, tags: list[str] = [], limit: int = "1") -> QuerySet[User]:  # type: ignore[assignment]  # noqa: B006
        """Return what cannot cross."""
        ...


def test_a_contract_is_refused_with_everything_that_is_wrong_with_it() -> None:
    place = f"{__name__}.Refused.read"

    with pytest.raises(CompositionError) as refused:
        contract_of(Refused)

    assert refused.value.problems == (
        f"{place}(hike) is {A_MODEL}",
        f"{place}(tags) has a default that calls could change; make it None or a tuple",
        f"{place}(limit) has the default '1', which is not of its type; correct one of them",
        f"{place} -> result is django.db.models.query.QuerySet, which is not plain data; give a list of Schemas",
        "Broken.status is 200, which is no error's; use 400 to 599",
        f"Broken.at is datetime.datetime, which is not plain data; {ZONE}",
        "Miscounted.count has the default '1', which is not of its type; correct one of them",
    )
