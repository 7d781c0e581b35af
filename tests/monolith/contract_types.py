"""Types that contracts allow, generated together with their values."""

import enum
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NewType, Union
from uuid import UUID

from hypothesis import strategies as st
from pydantic import Field, create_model

from monolith.contracts import OpenEnum, Schema, UtcDatetime


class Colour(enum.StrEnum):
    """Closed, of text."""

    RED = "red"
    BLUE = "blue"


class Rank(enum.IntEnum):
    """Closed, of numbers."""

    LOW = -(2**63) + 1
    HIGH = 2**63 - 1


class Mixed(enum.Enum):
    """Closed, of both; numbers and texts that look alike."""

    ONE = 1
    TEXT = "1"


class Topic(OpenEnum):
    """May grow."""

    SKY = "sky"
    SEA = "sea"


class Tree(Schema):
    """Made of itself."""

    weight: float
    kids: "tuple[Tree, ...]" = ()


type Nested = int | list[Nested] | dict[str, Nested]
type Text = Annotated[str, Field(max_length=20)]
SiteId = NewType("SiteId", int)


@dataclass(frozen=True)
class Typed:
    """A type, its values, and the kinds of JSON that it is read from."""

    annotation: Any
    values: st.SearchStrategy[Any]
    kinds: frozenset[str]


def _typed(annotation: Any, values: st.SearchStrategy[Any], *kinds: str) -> Typed:
    return Typed(annotation, values, frozenset(kinds))


_offsets = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)).map(timezone)
_moments = st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.one_of(st.just(UTC), _offsets, st.timezones()),
)
_topics = st.one_of(st.sampled_from(Topic), st.text().map(Topic))
_trees: st.SearchStrategy[Tree] = st.recursive(
    st.builds(Tree, weight=st.floats(allow_nan=False, allow_infinity=False)),
    lambda trees: st.builds(Tree, weight=st.just(-0.0), kids=st.lists(trees, max_size=3).map(tuple)),
    max_leaves=6,
)
_nested: st.SearchStrategy[Any] = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)

_KEYS: Final[list[tuple[Any, st.SearchStrategy[Any]]]] = [
    (str, st.text()),
    (int, st.integers()),
    (date, st.dates()),
    (UUID, st.uuids()),
    (Colour, st.sampled_from(Colour)),
    (Topic, _topics),
    (SiteId, st.integers()),
    (Text, st.text(max_size=20)),
]
LEAVES: Final = [
    _typed(None, st.none(), "null"),
    _typed(bool, st.booleans(), "boolean"),
    _typed(int, st.integers() | st.integers(-(10**400), 10**400), "number"),
    _typed(float, st.floats(allow_nan=False, allow_infinity=False), "number"),
    _typed(str, st.text(), "string"),
    _typed(bytes, st.binary(), "string"),
    _typed(Decimal, st.decimals(allow_nan=False, allow_infinity=False), "string", "number"),
    _typed(date, st.dates(), "string"),
    _typed(timedelta, st.timedeltas(), "string"),
    _typed(UUID, st.uuids(), "string"),
    _typed(UtcDatetime, _moments, "string"),
    _typed(Annotated[UtcDatetime, Field(description="a moment")], _moments, "string"),
    _typed(Colour, st.sampled_from(Colour), "string"),
    _typed(Rank, st.sampled_from(Rank), "number", "boolean"),
    _typed(Mixed, st.sampled_from(Mixed), "number", "boolean", "string"),
    _typed(Topic, _topics, "string"),
    _typed(Literal["a", "b"], st.sampled_from(["a", "b"]), "string"),
    _typed(Literal[1, "1"], st.sampled_from([1, "1"]), "number", "boolean", "string"),
    _typed(Literal[True], st.just(True), "number", "boolean"),
    _typed(Literal[Colour.RED], st.just(Colour.RED), "string"),
    _typed(Annotated[int, Field(ge=-3, lt=9)], st.integers(-3, 8), "number"),
    _typed(Annotated[str, Field(min_length=1, pattern="^a")], st.text().map("a".__add__), "string"),
    _typed(SiteId, st.integers(), "number"),
    _typed(Text, st.text(max_size=20), "string"),
    _typed(Tree, _trees, "object"),
    _typed(Nested, _nested, "number", "array", "object"),
]

_count = itertools.count()
_list: Any = list  # of types that are data here, which the type checker cannot follow
_tuple: Any = tuple
_dict: Any = dict


def _array(draw: st.DrawFn, member: st.SearchStrategy[Typed]) -> Typed:
    typed = draw(member)
    many = st.lists(typed.values, max_size=4)
    return draw(
        st.sampled_from(
            [
                _typed(_list[typed.annotation], many, "array"),
                _typed(_tuple[typed.annotation, ...], many.map(tuple), "array"),
            ]
        )
    )


def _fixed_tuple(draw: st.DrawFn, member: st.SearchStrategy[Typed]) -> Typed:
    typed = draw(st.lists(member, max_size=3))
    annotation = _tuple[tuple(each.annotation for each in typed)]
    return _typed(annotation, st.tuples(*(each.values for each in typed)), "array")


def _mapping(draw: st.DrawFn, member: st.SearchStrategy[Typed]) -> Typed:
    key, keys = draw(st.sampled_from(_KEYS))
    typed = draw(member)
    return _typed(_dict[key, typed.annotation], st.dictionaries(keys, typed.values, max_size=4), "object")


def _union(draw: st.DrawFn, member: st.SearchStrategy[Typed]) -> Typed:
    chosen: list[Typed] = []
    for typed in draw(st.lists(member, min_size=2, max_size=4)):
        if not any(typed.kinds & other.kinds for other in chosen):
            chosen.append(typed)
    annotation: Any = Union[tuple(each.annotation for each in chosen)]  # noqa: UP007 - of data here
    kinds = frozenset[str]().union(*(each.kinds for each in chosen))
    return Typed(annotation, st.one_of(*(each.values for each in chosen)), kinds)


def schema_of(
    fields: dict[str, tuple[Typed, bool]], tag: str = ""
) -> tuple[type[Schema], st.SearchStrategy[Any]]:
    """Return a Schema and its values; a field has a type and whether it has a default."""
    definitions: dict[str, Any] = {"kind": (Literal[tag], ...)} if tag else {}
    given: dict[str, st.SearchStrategy[Any]] = {"kind": st.just(tag)} if tag else {}
    left_out: dict[str, st.SearchStrategy[Any]] = {}
    for name, (typed, optional) in fields.items():
        maybe: Any = Union[(typed.annotation, None)]  # noqa: UP007 - of data here
        definitions[name] = (maybe, None) if optional else (typed.annotation, ...)
        (left_out if optional else given)[name] = typed.values
    model = create_model(f"Schema{next(_count)}", __base__=Schema, **definitions)
    return model, st.fixed_dictionaries(given, optional=left_out).map(lambda values: model(**values))


def _fields(draw: st.DrawFn, member: st.SearchStrategy[Typed]) -> dict[str, tuple[Typed, bool]]:
    names = st.sampled_from(["a", "b", "c"])
    optional = st.sampled_from([False, False, True])
    return draw(st.dictionaries(names, st.tuples(member, optional), max_size=3))


def _schema(draw: st.DrawFn, member: st.SearchStrategy[Typed]) -> Typed:
    model, values = schema_of(_fields(draw, member))
    return _typed(model, values, "object")


def _discriminated(draw: st.DrawFn, member: st.SearchStrategy[Typed]) -> Typed:
    one, its = schema_of(_fields(draw, member), "one")
    other, others = schema_of(_fields(draw, member), "other")
    annotation = Annotated[one | other, Field(discriminator="kind")]  # type: ignore[valid-type]
    return _typed(annotation, its | others, "object")


_SHAPES: Final[list[Callable[[st.DrawFn, st.SearchStrategy[Typed]], Typed]]] = [
    _array,
    _fixed_tuple,
    _mapping,
    _union,
    _schema,
    _discriminated,
]


@st.composite
def contract_types(draw: st.DrawFn, depth: int = 3) -> Typed:
    """Draw an allowed type, nested up to `depth` levels."""
    shape = draw(st.sampled_from([None, *_SHAPES])) if depth else None
    return draw(st.sampled_from(LEAVES)) if shape is None else shape(draw, contract_types(depth - 1))


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[Any, Any]:
    """Draw an allowed type and one of its values."""
    typed = draw(contract_types())
    return typed.annotation, draw(typed.values)
