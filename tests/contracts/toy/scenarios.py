"""What shop may rely on when it calls stock, wherever stock runs. Each runs in shop's process."""

import asyncio
import os
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from monolith import atomic, entering
from monolith.contracts import (
    CallBudgetExceeded,
    CallInTransaction,
    ContractError,
    DeadlineExceeded,
    IdempotencyConflict,
    InvalidCall,
    InvalidResult,
    ProviderFailure,
    RequirementNotDeclared,
    acall,
    acting,
    call_budget,
    deadline,
    forget_decisions,
    require,
)
from monolith.logs import request_id
from tests.contracts.toy.promises.ledger import Ledger
from tests.contracts.toy.promises.stock import (
    Circle,
    Colour,
    Everything,
    How,
    Item,
    Level,
    Mood,
    Node,
    OutOfStock,
    Ruling,
    Square,
    Stock,
    UnknownItem,
)

SLACK_S: Final = 0.75  # more than a busy machine needs to notice that a deadline is over

PLAIN: Final = Everything(
    nothing=None,
    flag=True,
    number=7,
    weight=0.1,
    text="Ærø",
    raw=b"\x00\xff",
    price=Decimal("1.10"),
    day=date(2026, 11, 21),
    pause=timedelta(hours=1, microseconds=1),
    key=UUID(int=7),
    at=datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC),
    colour=Colour.RED,
    level=Level.HIGH,
    mood=Mood.CALM,
    size="large",
    maybe=None,
    either="7",
    shape=Circle(radius=1.5),
    tree=Node(name="root", children=(Node(name="leaf"),)),
    items=[Circle(radius=1.0), Circle(radius=2.0)],
    pair=(1, "one"),
    many=(UUID(int=1), UUID(int=2)),
    by_name={"a": Square(side=2.0)},
    by_number={-1: "minus one"},
    by_day={date(2026, 1, 1): Decimal(1)},
    by_key={UUID(int=3): False},
    bounded=10,
)
THINGS: Final = [
    PLAIN,
    PLAIN.model_copy(
        update={
            "flag": False,
            "number": 2**80,
            "weight": -0.0,
            "text": '\x00 \u2028 \U0001f6a2 "quoted" \\',
            "raw": b"",
            "price": Decimal("-0.000000000000000000000000000001"),
            "pause": timedelta(days=-1, seconds=1),
            "at": datetime(1, 1, 2, tzinfo=timezone(timedelta(hours=1, minutes=19, seconds=32))),
            "mood": Mood("a mood of a newer version"),
            "size": 3,
            "maybe": -1,
            "either": [1, 2],
            "shape": Square(side=1e-300),
            "items": [],
            "many": (),
            "by_name": {},
            "left_out": "",
        }
    ),
    PLAIN.model_copy(update={"either": 7, "weight": 1.7976931348623157e308, "day": date(1, 1, 1)}),
]


def stock() -> Stock:
    return require(Stock)


def name() -> str:
    return f"item-{uuid4()}"


def stocked(count: int) -> str:
    """Return the name of a new item."""
    item = name()
    restock(item, count)
    return item


def restock(item: str, count: int) -> None:
    stock().restock(idempotency_key=f"restock {item}", name=item, count=count)


def values_of_every_type_arrive_equal() -> None:
    for thing in THINGS:
        checked = Everything.model_validate(thing.model_dump())
        back = stock().echo(thing=checked)
        assert back == checked
        assert repr(back) == repr(checked)


def arguments_left_out_are_what_the_contract_says() -> None:
    assert stock().defaults() == {"number": 3, "names": ["a", "b"], "note": None}
    assert stock().defaults(number=4, names=(), note="n") == {"number": 4, "names": [], "note": "n"}


def nothing_is_a_result() -> None:
    stock().nothing()


def declared_error_arrives_as_itself_with_its_data() -> None:
    with pytest.raises(UnknownItem) as caught:
        stock().find(name="nowhere")
    assert type(caught.value) is UnknownItem
    assert (caught.value.name, str(caught.value)) == ("nowhere", "There is no such item (name='nowhere')")
    item = stocked(1)
    with pytest.raises(OutOfStock) as short:
        stock().take(idempotency_key=item, name=item, count=2)
    assert (short.value.left, short.value.expected_at) == (1, datetime(2026, 11, 22, 12, tzinfo=UTC))


def undeclared_error_is_a_provider_failure_without_its_words() -> None:
    for how, kind in ((How.BUG, "KeyError"), (How.UNDECLARED, "Undeclared")):
        with pytest.raises(ProviderFailure, match=kind) as caught:
            stock().fail(how=how)
        assert "private" not in str(caught.value)
        assert caught.value.operation == "stock.fail"


def wrong_result_is_an_invalid_result() -> None:
    with pytest.raises(InvalidResult) as caught:
        stock().fail(how=How.WRONG_RESULT)
    assert caught.value.problems == ("name: Input should be a valid string", "count: Field required")


def wrong_arguments_are_refused_with_their_places() -> None:
    anything: Any = stock()
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("find", {}, "name"),
        ("find", {"name": 7}, "name"),
        ("find", {"name": "x", "colour": "red"}, "colour"),
        ("take", {"idempotency_key": "k", "name": "x", "count": 0}, "count"),
        ("take", {"name": "x", "count": 1}, "idempotency_key"),
        ("take", {"idempotency_key": "k\0", "name": "x", "count": 1}, "idempotency_key"),
        ("echo", {"thing": {"number": 1}}, "thing"),
        ("wait", {"name": "x", "seconds": float("nan")}, "seconds"),
    ]
    for operation, arguments, place in wrong:
        with pytest.raises(InvalidCall) as caught:
            getattr(anything, operation)(**arguments)
        assert caught.value.problems[0].startswith(place)


def deadline_ends_a_call_that_waits() -> None:
    started = time.monotonic()
    with deadline(0.3), pytest.raises(DeadlineExceeded) as caught:
        stock().wait(name=name(), seconds=30)
    assert 0.3 <= time.monotonic() - started < 0.3 + SLACK_S
    assert caught.value.operation == "stock.wait"


def deadline_that_is_over_lets_nothing_begin() -> None:
    waiting = name()
    with deadline(0), pytest.raises(DeadlineExceeded):
        stock().wait(name=waiting, seconds=30)
    assert not stock().has_begun(name=waiting)


def deadline_shrinks_along_the_chain() -> None:
    with deadline(20):
        first, second = stock().chain()
    assert (first.module, second.module) == ("stock", "ledger")
    assert first.seconds_left is not None
    assert second.seconds_left is not None
    assert 10 < second.seconds_left < first.seconds_left < 20


def tenant_and_actor_travel_along_the_chain() -> None:
    with acting(tenant="Ærø", actor="user:7"):
        chain = stock().chain()
    assert [(link.tenant, link.actor) for link in chain] == [("Ærø", "user:7")] * 2
    assert {(link.tenant, link.actor) for link in stock().chain()} == {("", "")}


def ask_with_request_id(value: str) -> None:
    token = request_id.set(value)
    try:
        stock().whoami()
    finally:
        request_id.reset(token)


def request_id_travels_along_the_chain() -> None:
    token = request_id.set("a-request-of-a-scenario")
    try:
        assert {link.request_id for link in stock().chain()} == {"a-request-of-a-scenario"}
    finally:
        request_id.reset(token)


def provider_runs_as_its_module_with_its_role() -> None:
    assert [(link.module, link.role) for link in stock().chain()] == [
        ("stock", "stock_rw"),
        ("ledger", "ledger_rw"),
    ]


def processes_and_what_they_hold() -> tuple[int, dict[str, tuple[int, list[str]]]]:
    """Return the caller's process id, and that of each provider with what its process holds."""
    return os.getpid(), {link.module: (link.process, link.holds) for link in stock().chain()}


def module_that_does_not_list_the_other_may_not_call_it() -> None:
    with entering("ledger"), pytest.raises(RequirementNotDeclared):
        stock().find(name="x")
    with pytest.raises(RequirementNotDeclared):
        require(Ledger).whoami()


def cancelled_call_stops_waiting_at_once() -> None:
    waiting = name()

    async def cancel() -> float:
        task = asyncio.ensure_future(acall(stock().wait, name=waiting, seconds=30))
        while not await acall(stock().has_begun, name=waiting):
            pass
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        took = time.monotonic() - started
        await acall(stock().release, name=waiting)  # or its thread would keep the loop from ending
        return took

    assert asyncio.run(cancel()) < SLACK_S


def async_calls_are_under_way_together() -> None:
    async def both() -> None:
        waiting = name()
        task = asyncio.ensure_future(acall(stock().wait, name=waiting, seconds=30))
        while not await acall(stock().has_begun, name=waiting):
            pass
        await acall(stock().release, name=waiting)
        await task

    asyncio.run(both())


def command_operation_has_its_effect_once() -> None:
    item = stocked(5)
    key = f"take {item}"
    first = stock().take(idempotency_key=key, name=item, count=2)
    again = stock().take(idempotency_key=key, name=item, count=2)
    assert (first.left, again) == (3, first)
    with pytest.raises(IdempotencyConflict) as caught:
        stock().take(idempotency_key=key, name=item, count=1)
    assert caught.value.key == key
    assert stock().find(name=item) == Item(name=item, count=3)


def command_operation_that_raised_may_be_tried_again() -> None:
    item = name()
    with pytest.raises(UnknownItem):
        stock().take(idempotency_key=item, name=item, count=1)
    restock(item, 1)
    assert stock().take(idempotency_key=item, name=item, count=1).left == 0


def command_operation_is_refused_inside_a_transaction() -> None:
    with atomic(), pytest.raises(CallInTransaction):
        stock().take(idempotency_key="k", name="x", count=1)


def query_inside_a_transaction(*, is_refused: bool) -> None:
    with atomic():
        if is_refused:
            with pytest.raises(CallInTransaction):
                stock().nothing()
        else:
            stock().nothing()


def gate_allows_and_denies_and_is_asked_once() -> None:
    user = f"user:{uuid4()}"
    with acting(tenant="acme"):
        assert stock().may(subject=user) == Ruling(allowed=True)
        assert stock().may(subject="robot") == Ruling(allowed=False)
        asked = stock().count_of_questions()
        assert stock().may(subject=user) == Ruling(allowed=True)
        assert stock().count_of_questions() == asked
    with acting(tenant="other"):
        assert stock().may(subject=user) == Ruling(allowed=False)


def budget_is_spent_by_calls() -> None:
    with call_budget(2):
        stock().nothing()
        stock().nothing()
        with pytest.raises(CallBudgetExceeded):
            stock().nothing()


def traced_chain() -> str:
    """Call along the chain below one span; returns the id of its trace."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    with trace.get_tracer("tests").start_as_current_span("scenario") as span:
        stock().chain()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.force_flush()
    return format(span.get_span_context().trace_id, "032x")


def outcome(operation: str, arguments: dict[str, Any], seconds: float) -> tuple[str, float]:
    """Make one call; returns the class of its end and how long it took."""
    started = time.monotonic()
    with deadline(seconds):
        try:
            getattr(stock(), operation)(**arguments)
        except ContractError as error:
            return type(error).__name__, time.monotonic() - started
    return "", time.monotonic() - started


def take(key: str, item: str) -> str:
    """Take one of an item; returns the class of its end, empty for a receipt."""
    return outcome("take", {"idempotency_key": key, "name": item, "count": 1}, 5)[0]


def left(item: str) -> int:
    return stock().find(name=item).count


def gate_allows() -> bool:
    forget_decisions()
    with acting(tenant="acme"), deadline(0.5):
        return stock().may(subject="user:1").allowed
