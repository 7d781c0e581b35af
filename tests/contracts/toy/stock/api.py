"""Keeps the promise of stock."""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, cast

from django.db.models import F
from pydantic import Field

from monolith.contracts import call_scope, require
from tests.contracts.toy.identity import identity
from tests.contracts.toy.promises.identity import Identity
from tests.contracts.toy.promises.ledger import Ledger
from tests.contracts.toy.promises.stock import (
    Everything,
    How,
    Item,
    OutOfStock,
    Receipt,
    Ruling,
    Undeclared,
    UnknownItem,
)
from tests.contracts.toy.stock.models import StockedItem, Waiting

logger = logging.getLogger(__name__)

POLL_S = 0.01
questions: list[str] = []
TODAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


def echo(*, thing: Everything) -> Everything:
    return thing


def defaults(
    *, number: int = 3, names: tuple[str, ...] = ("a", "b"), note: str | None = None
) -> dict[str, int | str | list[str] | None]:
    return {"number": number, "names": list(names), "note": note}


def label(*, name: str, count: int) -> Item:
    return Item(name=name, count=count)


def nothing() -> None:
    return None


def find(*, name: str) -> Item:
    row = StockedItem.objects.filter(name=name).first()
    if row is None:
        raise UnknownItem(name=name)
    return Item(name=row.name, count=row.count)


def fail(*, how: How) -> Item:
    if how is How.BUG:
        raise KeyError("a private matter")
    if how is How.UNDECLARED:
        raise Undeclared
    return cast("Item", {"name": 7})


def wait(*, name: str, seconds: float) -> None:
    Waiting.objects.create(name=name)
    ends = time.monotonic() + seconds
    deadline = call_scope().deadline or ends
    while time.monotonic() < min(ends, deadline):
        if Waiting.objects.filter(name=name, is_released=True).exists():
            return
        time.sleep(POLL_S)


def has_begun(*, name: str) -> bool:
    return Waiting.objects.filter(name=name).exists()


def release(*, name: str) -> None:
    Waiting.objects.filter(name=name).update(is_released=True)


def whoami() -> Identity:
    logger.info("stock was asked who it is")
    return identity()


def chain() -> list[Identity]:
    return [identity(), require(Ledger).whoami()]


def count_of_questions() -> int:
    return len(questions)


def restock(*, idempotency_key: str, name: str, count: int) -> None:
    StockedItem.objects.create(name=name, count=count)


def take(*, idempotency_key: str, name: str, count: Annotated[int, Field(gt=0)]) -> Receipt:
    moved = StockedItem.objects.filter(name=name, count__gte=count).update(count=F("count") - count)
    item = find(name=name)
    if not moved:
        raise OutOfStock(name=name, left=item.count, expected_at=TODAY + timedelta(days=1))
    return Receipt(name=name, taken=count, left=item.count, at=TODAY)


def may(*, subject: str) -> Ruling:
    questions.append(subject)
    return Ruling(allowed=subject.startswith("user:") and call_scope().tenant == "acme")
