"""What breaks readers of the last release, and what does not: requests are read by the new side, responses by the old."""

import enum
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Union

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, create_model

from monolith.contracts import OpenEnum, Schema, UtcDatetime
from monolith.contracts.documents.breaks import Direction
from monolith.contracts.documents.compatibility import Comparison, schema_breaks
from monolith.contracts.documents.json_schema import ContractJsonSchema
from tests.monolith.contract_types import Typed, contract_types, schema_of

REF = "#/components/schemas/{model}"


def site(**fields: Any) -> type[Schema]:
    """Return a Schema; a field is its type, or its type and default."""
    definitions: dict[str, Any] = {
        name: given if isinstance(given, tuple) else (given, ...) for name, given in fields.items()
    }
    return create_model("Site", __base__=Schema, **definitions)


def closed(*values: str) -> Any:
    return enum.StrEnum("Sky", {value.upper(): value for value in values})


def open_(*values: str) -> Any:
    make: Any = OpenEnum
    return make("Sky", {value.upper(): value for value in values})


def a_map(keys: Any, values: Any) -> Any:
    return dict[keys, values]


def tagged(*kinds: str, **fields: Any) -> Any:
    members: list[Any] = []
    for kind in kinds:
        definitions: dict[str, Any] = {"kind": (Literal[kind], ...), **fields}
        members.append(create_model(kind.title(), __base__=Schema, **definitions))
    union: Any = Union[tuple(members)]  # noqa: UP007 - of data here
    return Annotated[union, Field(discriminator="kind")] if len(members) > 1 else union


class Tree(Schema):
    """Made of itself."""

    name: str
    kids: "list[Tree]"


class Bush(Schema):
    """Made of itself otherwise."""

    name: str | None
    kids: "list[Bush]"


type Once = list[Once] | int
type Twice = list[list[Twice] | int] | int
type Texts = list[list[Texts] | str] | int


def breaks(direction: Direction, old: Any, new: Any) -> list[str]:
    mode: Any = "validation" if direction is Direction.REQUEST else "serialization"
    was, now = (
        TypeAdapter(each).json_schema(mode=mode, schema_generator=ContractJsonSchema, ref_template=REF)
        for each in (old, new)
    )
    within = Comparison(direction, was.get("$defs", {}), now.get("$defs", {}))
    return [str(each) for each in schema_breaks(was, now, "it", within)]


def among(low: Any = None, high: Any = None, of: Any = int) -> Any:
    return Annotated[of, Field(ge=low, le=high)]


TAKE = "take what was taken"
SEND = "send what readers take"
UNKNOWN = "readers refuse values they do not know; in a new version, derive the Enum from OpenEnum"

# What becomes what; what it breaks as a request, and as a response.
CHANGES: dict[str, tuple[Any, Any, list[str], list[str]]] = {
    "nothing": (site(a=int, b=(str, "x")), site(a=int, b=(str, "x")), [], []),
    "a field with a default more": (site(a=int), site(a=int, b=(int, 0)), [], []),
    "a required field more": (
        site(a=int),
        site(a=int, b=int),
        ["it.b is new and required; give it a default"],
        [],
    ),
    "a field less": (
        site(a=int, b=int),
        site(a=int),
        ["it.b is gone; keep it, under its name"],
        ["it.b is gone; keep it, under its name"],
    ),
    "a field with a default less": (
        site(a=int, b=(int, 0)),
        site(a=int),
        ["it.b is gone; keep it, under its name"],
        ["it.b is gone; keep it, under its name"],
    ),
    "a field under another name": (
        site(a=int),
        site(b=int),
        ["it.a is gone; keep it, under its name", "it.b is new and required; give it a default"],
        ["it.a is gone; keep it, under its name"],
    ),
    "a default more": (site(a=int), site(a=(int, 0)), [], []),
    "a default less": (site(a=(int, 0)), site(a=int), ["it.a is required now; give it a default"], []),
    "another default": (
        site(a=(int, 0)),
        site(a=(int, 1)),
        ["it.a had the default 0, now 1; keep the default"],
        [],
    ),
    "a default that says more": (
        site(a=(site(b=(int, 0)), site(b=(int, 0))(b=0))),
        site(a=(site(b=(int, 0), c=(int, 1)), site(b=(int, 0), c=(int, 1))(b=0))),
        [],
        [],
    ),
    "a default that is made anew": (
        site(a=(int, 0)),
        site(a=(int, Field(default_factory=int))),
        ["it.a had the default 0, now none; keep the default"],
        [],
    ),
    "null too": (int, int | None, [], [f"it may be null now; {SEND}"]),
    "null no more": (int | None, int, [f"it no longer takes null; {TAKE}"], []),
    "another kind": (int, str, [f"it no longer takes a number; {TAKE}"], [f"it may be a string now; {SEND}"]),
    "a kind more": (int, int | str, [], [f"it may be a string now; {SEND}"]),
    "a kind less": (int | list[str], int, [f"it no longer takes an array; {TAKE}"], []),
    "a fraction too": (int, float, [], [f"it was integer, now number; {SEND}"]),
    "integers alone": (float, int, [f"it was number, now integer; {TAKE}"], []),
    "any text": (date, str, [], [f"it was date, now string; {SEND}"]),
    "dates alone": (str, date, [f"it was string, now date; {TAKE}"], []),
    "moments for dates": (
        date,
        UtcDatetime,
        [f"it was date, now date-time; {TAKE}"],
        [f"it was date, now date-time; {SEND}"],
    ),
    "bytes as text": (
        bytes,
        str,
        [f"it was base64url, now string; {TAKE}"],
        [f"it was base64url, now string; {SEND}"],
    ),
    "a higher minimum": (among(1), among(3), [f"it had minimum 1, now 3; {TAKE}"], []),
    "a lower minimum": (among(3), among(1), [], [f"it had minimum 3, now 1; {SEND}"]),
    "a minimum": (int, among(1), [f"it had minimum none, now 1; {TAKE}"], []),
    "no maximum": (among(1, 9), among(1), [], [f"it had maximum 9, now none; {SEND}"]),
    "the same bound said otherwise": (
        Annotated[int, Field(gt=0)],
        among(1),
        [],
        [],
    ),
    "a bound that is itself outside": (
        Annotated[float, Field(ge=0)],
        Annotated[float, Field(gt=0)],
        [f"it had minimum 0, now 0 (exclusive); {TAKE}"],
        [],
    ),
    "a later first day": (
        among(date(2020, 1, 1), of=date),
        among(date(2021, 1, 1), of=date),
        [f"it had formatMinimum 2020-01-01, now 2021-01-01; {TAKE}"],
        [],
    ),
    "a higher price": (
        among(None, Decimal("9.5"), of=Decimal),
        among(None, Decimal(10), of=Decimal),
        [],
        [f"it had formatMaximum 9.5, now 10; {SEND}"],
    ),
    "a longer stay": (
        among(None, timedelta(days=9), of=timedelta),
        among(None, timedelta(days=10), of=timedelta),
        [],
        [f"it had formatMaximum P9D, now P10D; {SEND}"],
    ),
    "a shorter text": (
        Annotated[str, Field(max_length=9)],
        Annotated[str, Field(max_length=8)],
        [f"it had maxLength 9, now 8; {TAKE}"],
        [],
    ),
    "a longer list": (
        Annotated[list[int], Field(max_length=9)],
        Annotated[list[int], Field(max_length=10)],
        [],
        [f"it had maxItems 9, now 10; {SEND}"],
    ),
    "more digits": (
        Annotated[Decimal, Field(max_digits=3, decimal_places=2)],
        Annotated[Decimal, Field(max_digits=5, decimal_places=2)],
        [],
        [f"it had x-max-digits 3, now 5; {SEND}"],
    ),
    "another pattern": (
        Annotated[str, Field(pattern="^a")],
        Annotated[str, Field(pattern="^b")],
        [f"it had pattern ^a, now ^b; {TAKE}"],
        [f"it had pattern ^a, now ^b; {SEND}"],
    ),
    "no pattern": (
        Annotated[str, Field(pattern="^a")],
        str,
        [],
        [f"it had pattern ^a, now none; {SEND}"],
    ),
    "a coarser step": (
        Annotated[int, Field(multiple_of=5)],
        Annotated[int, Field(multiple_of=10)],
        [f"it had multipleOf 5, now 10; {TAKE}"],
        [],
    ),
    "a value more in a closed Enum": (
        closed("clear", "fog"),
        closed("clear", "fog", "rain"),
        [],
        [f'it may be "rain" now; {UNKNOWN}'],
    ),
    "a value less in a closed Enum": (
        closed("clear", "fog"),
        closed("clear"),
        ['it no longer takes "fog"; keep the value'],
        [],
    ),
    "a value more in an OpenEnum": (open_("clear"), open_("clear", "fog"), [], []),
    "a value less in an OpenEnum": (
        open_("clear", "fog"),
        open_("clear"),
        ['it no longer takes "fog"; keep the value'],
        [],
    ),
    "an Enum that opens": (
        closed("clear"),
        open_("clear"),
        [],
        [f'it may be other than "clear" now; {SEND}'],
    ),
    "an Enum that closes": (open_("clear"), closed("clear"), [f'it takes only "clear" now; {TAKE}'], []),
    "any text for an Enum": (closed("clear"), str, [], [f'it may be other than "clear" now; {SEND}']),
    "an Enum for any text": (str, closed("clear"), [f'it takes only "clear" now; {TAKE}'], []),
    "a Literal more": (Literal["a"], Literal["a", "b"], [], [f'it may be "b" now; {UNKNOWN}']),
    "Literals of two kinds": (
        Literal["a", 1],
        Literal["a", 1, "b", 2],
        [],
        [f'it may be "b" now; {UNKNOWN}', f"it may be 2 now; {UNKNOWN}"],
    ),
    "other items": (
        list[int],
        list[int | None],
        [],
        [f"it[] may be null now; {SEND}"],
    ),
    "a list for a tuple": (tuple[int, ...], list[int], [], []),
    "a longer tuple": (
        tuple[int, str],
        tuple[int, str, str],
        [f"it had minItems 2, now 3; {TAKE}"],
        [f"it had maxItems 2, now 3; {SEND}"],
    ),
    "another item of a tuple": (
        tuple[int, str],
        tuple[int, str | None],
        [],
        [f"it[1] may be null now; {SEND}"],
    ),
    "a list of any length for a tuple": (
        tuple[int, int],
        list[int],
        [],
        [f"it had minItems 2, now none; {SEND}", f"it had maxItems 2, now none; {SEND}"],
    ),
    "other values of a map": (
        dict[str, int],
        dict[str, int | None],
        [],
        [f"it[key] may be null now; {SEND}"],
    ),
    "numbers as keys": (
        dict[str, int],
        dict[int, int],
        [f"it (keys) had pattern none, now ^-?[0-9]+$; {TAKE}"],
        [],
    ),
    "keys that are an Enum": (
        a_map(closed("clear"), int),
        a_map(closed("clear", "fog"), int),
        [],
        [f'it (keys) may be "fog" now; {UNKNOWN}'],
    ),
    "a Schema for a map": (
        dict[str, int],
        site(a=int),
        [f"it no longer takes a map; {TAKE}"],
        [f"it may be an object (Site) now; {SEND}"],
    ),
    "a member more in a tagged union": (
        tagged("cat", "dog"),
        tagged("cat", "dog", "fox"),
        [],
        [f'it may be an object with kind "fox" now; {SEND}'],
    ),
    "a member less in a tagged union": (
        tagged("cat", "dog", "fox"),
        tagged("cat", "dog"),
        [f'it no longer takes an object with kind "fox"; {TAKE}'],
        [],
    ),
    "a tagged union of what was alone": (
        tagged("cat"),
        tagged("cat", "dog"),
        [],
        [f'it may be an object with kind "dog" now; {SEND}'],
    ),
    "one of a tagged union": (
        tagged("cat", "dog"),
        tagged("cat"),
        [f'it no longer takes an object with kind "dog"; {TAKE}'],
        [],
    ),
    "a field in each member": (
        tagged("cat", "dog"),
        tagged("cat", "dog", age=(int, ...)),
        ["it.age is new and required; give it a default"] * 2,
        [],
    ),
    "a tree that differs": (Tree, Bush, [], [f"it.name may be null now; {SEND}"]),
    "a list of itself, unrolled": (Once, Twice, [], []),
    "a list of itself that differs": (
        Once,
        Texts,
        [f"it[] no longer takes a number; {TAKE}"],
        [f"it[] may be a string now; {SEND}"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_request_may_come_to_mean_more(change: str) -> None:
    old, new, expected, _ = CHANGES[change]

    assert breaks(Direction.REQUEST, old, new) == expected


@pytest.mark.parametrize("change", CHANGES)
def test_a_response_may_come_to_mean_less(change: str) -> None:
    old, new, _, expected = CHANGES[change]

    assert breaks(Direction.RESPONSE, old, new) == expected


def test_a_field_of_a_response_may_not_be_left_out() -> None:
    # Of what Schemas write, no field ever is; a document says so all the same.
    fields = {"type": "object", "properties": {"a": {"type": "integer"}}}
    within = Comparison(Direction.RESPONSE, {}, {})

    found = schema_breaks({**fields, "required": ["a"]}, fields, "it", within)

    assert [str(each) for each in found] == ["it.a may be left out now; always send it"]


def many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=3)


SKY, MORE_SKY, OPEN_SKY = closed("clear", "fog"), closed("clear", "fog", "rain"), open_("clear")
# Types near each other, so that of two often one takes what the other writes.
NEAR: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (among(0), st.integers(0)),
    (Annotated[int, Field(gt=0, le=9)], st.integers(1, 9)),
    (Annotated[int, Field(multiple_of=3)], st.integers().map(lambda n: 3 * n)),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (int | None, st.none() | st.integers()),
    (str, st.text()),
    (Annotated[str, Field(max_length=3)], st.text(max_size=3)),
    (Annotated[str, Field(max_length=5)] | None, st.none() | st.text(max_size=5)),
    (date, st.dates()),
    (among(date(2020, 1, 1), of=date), st.dates(date(2020, 1, 1))),
    (UtcDatetime, st.datetimes(timezones=st.just(UTC))),
    (bytes, st.binary()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (among(0, 9, Decimal), st.decimals(0, 9)),
    (SKY, st.sampled_from(SKY)),
    (MORE_SKY, st.sampled_from(MORE_SKY)),
    (OPEN_SKY, st.text().map(OPEN_SKY)),
    (Literal["clear"], st.just("clear")),
    (Literal["clear", 1], st.sampled_from(["clear", 1])),
    (list[int], many(st.integers())),
    (list[int | None], many(st.none() | st.integers())),
    (Annotated[list[int], Field(min_length=1)], st.lists(st.integers(), min_size=1)),
    (tuple[int, ...], many(st.integers()).map(tuple)),
    (tuple[int, int], st.tuples(st.integers(), st.integers())),
    (tuple[int, int | None], st.tuples(st.integers(), st.none() | st.integers())),
    (dict[str, int], st.dictionaries(st.text(), st.integers())),
    (dict[int, int], st.dictionaries(st.integers(), st.integers())),
    (dict[date, int | None], st.dictionaries(st.dates(), st.none() | st.integers())),
]


@st.composite
def near_sites(draw: st.DrawFn) -> tuple[type[Schema], st.SearchStrategy[Any]]:
    fields = draw(
        st.dictionaries(
            st.sampled_from("ab"), st.tuples(st.sampled_from(NEAR), st.booleans()), min_size=1, max_size=2
        )
    )
    return schema_of(
        {
            name: (Typed(annotation, values, frozenset()), optional)
            for name, ((annotation, values), optional) in fields.items()
        }
    )


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(near_sites(), near_sites(), st.data())
def test_where_nothing_breaks_the_reader_takes_whatever_is_written(
    one: tuple[type[Schema], Any], other: tuple[type[Schema], Any], data: st.DataObject
) -> None:
    for direction in Direction:
        (old, _), (new, _) = one, other
        written, read = (one, new) if direction is Direction.REQUEST else (other, old)
        if not breaks(direction, old, new):
            read.model_validate_json(data.draw(written[1]).model_dump_json())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contract_types())
def test_what_does_not_change_breaks_nothing(typed: Typed) -> None:
    for direction in Direction:
        assert breaks(direction, typed.annotation, typed.annotation) == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from("abc"), st.tuples(contract_types(depth=1), st.booleans())),
    st.dictionaries(st.sampled_from("def"), contract_types(depth=1)),
    st.sampled_from(["list", "map", "field"]),
)
def test_a_field_that_may_be_left_out_breaks_nothing(
    fields: dict[str, tuple[Typed, bool]], added: dict[str, Typed], around: str
) -> None:
    lists: Any = list
    old, _ = schema_of(fields)
    new, _ = schema_of(fields | {name: (typed, True) for name, typed in added.items()})

    def put(model: Any) -> Any:
        return {"list": lists[model], "map": a_map(str, model), "field": site(a=model)}[around]

    for direction in Direction:
        assert breaks(direction, put(old), put(new)) == []
