"""Types of contracts: every value of what is allowed survives, everything else is refused with place and fix."""

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from inspect import Parameter as Signature
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from monolith.contracts import DeclaredError, InvalidCall, Schema, UtcDatetime
from monolith.contracts.call import Call, checked_arguments, checked_result
from monolith.contracts.contract import Operation, Parameter
from monolith.contracts.interface import Kind
from monolith.contracts.plain_data import type_problems
from monolith.contracts.wire import read_answer, read_arguments, write_arguments, write_error
from tests.monolith.contract_types import SiteId, Topic, Tree, typed_values

thorough = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def operation(annotation: Any) -> Operation:
    parameter = Parameter("value", annotation, Signature.empty)
    return Operation("ships", 1, "echo", Kind.QUERY, (parameter,), annotation, (), None, "Return it.")


def call(of: Operation, value: Any) -> Call:
    return Call(of, checked_arguments(of, {"value": value}), "hikes", None, "", "")


def is_same(given: Any, received: Any) -> bool:
    """Whether both are equal and of the same types all the way down; moments may be said in another zone."""
    if isinstance(given, datetime):
        return type(received) is datetime and received.tzinfo is UTC and received == given.astimezone(UTC)
    if type(given) is not type(received):
        return False
    if isinstance(given, float):
        return given == received and math.copysign(1, given) == math.copysign(1, received)
    if isinstance(given, list | tuple):
        return len(given) == len(received) and all(map(is_same, given, received))
    if isinstance(given, dict):
        return all(map(is_same, given, received)) and all(map(is_same, given.values(), received.values()))
    if isinstance(given, BaseModel):
        return is_same(dict(given), dict(received))
    return bool(given == received)


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@thorough
@given(typed_values())
def test_any_argument_survives_json_equal_and_of_the_same_type(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    made = call(operation(annotation), value)
    body = write_arguments(made)
    json.loads(body, parse_constant=refuse_constant)

    received = read_arguments(made.operation, body)["value"]

    assert is_same(value, made.arguments["value"])
    assert is_same(value, received)


@thorough
@given(typed_values())
def test_any_result_survives_json_equal_and_of_the_same_type(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    of = operation(annotation)
    result = checked_result(of, value)

    assert is_same(value, read_answer(of, 200, of.result.dump_json(result)))


@thorough
@given(typed_values())
def test_what_survives_is_allowed(typed: tuple[Any, Any]) -> None:
    assert list(type_problems(typed[0], "here")) == []


def test_an_integer_is_a_float_where_a_float_is_expected() -> None:
    made = call(operation(float), 5)

    [received] = read_arguments(made.operation, write_arguments(made)).values()

    assert received == 5
    assert type(received) is type(made.arguments["value"]) is float


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, True),
        (int, "5"),
        (float, math.nan),
        (Decimal, Decimal("Infinity")),
        (str, "\ud800"),
        (dict[str, int], {"\ud800": 1}),
        (Topic, "sky"),
        (date, datetime(2026, 11, 21, tzinfo=UTC)),
        (UtcDatetime, datetime(2026, 11, 21)),  # noqa: DTZ001 - what is refused
        (UtcDatetime, datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))),
        (bytes, bytearray(b"a")),
        (list[int], (1,)),
    ],
)
def test_what_json_has_no_form_for_is_refused_before_it_is_sent(annotation: Any, value: Any) -> None:
    with pytest.raises(InvalidCall):
        call(operation(annotation), value)


def test_text_that_is_none_is_no_topic() -> None:
    with pytest.raises(ValueError, match="is not a valid Topic"):
        Topic("\ud800")


def test_of_a_subclass_only_what_the_contract_names_crosses() -> None:
    class Oak(Tree):
        acorns: int

    made = call(operation(list[Tree]), [Oak(weight=1, acorns=7, kids=(Oak(weight=2, acorns=3),))])

    assert is_same([Tree(weight=1, kids=(Tree(weight=2),))], made.arguments["value"])


def test_a_default_is_what_its_json_is_read_as() -> None:
    class Visit(Schema):
        at: UtcDatetime = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=1)))

    assert list(type_problems(Visit, "here")) == []
    assert Visit().at.tzinfo is UTC


class Refusal(DeclaredError):
    """It is refused."""

    site: SiteId
    photo: bytes
    price: Decimal
    until: UtcDatetime | None = None


@given(
    st.builds(
        Refusal,
        site=st.integers(),
        photo=st.binary(),
        price=st.decimals(allow_nan=False, allow_infinity=False),
        until=st.none() | st.datetimes(timezones=st.just(UTC)),
    )
)
def test_a_declared_errors_data_survives_json(error: Refusal) -> None:
    of = replace(operation(int), errors=(Refusal,))
    status, body = write_error(of, error)

    with pytest.raises(Refusal) as received:
        read_answer(of, status, body)

    assert is_same(error.data, received.value.data)
