"""Long lists, told in parts: each says with which word the next begins."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from pydantic import Field

from monolith.contracts.schema import Schema
from monolith.tools.errors import ToolRefused

MAX_LIMIT: Final = 100
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
After = Annotated[str, Field(max_length=1_500, pattern=r"^[A-Za-z0-9_-]*$")]
"""`next` of the page before; empty for the first one."""


class Page(Schema):
    """One part of a list; its kinds add `items`."""

    next: str
    """Give it as `after` for the part that follows; empty when this is the last."""


def cursor_of(values: Sequence[Any]) -> str:
    """Return what tells where a page ended, made of the values that its last row is ordered by."""
    text = json.dumps([str(value) for value in values], ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def cursor_values(after: str, count: int) -> list[str]:
    """Return the values that a cursor was made of. Raises ToolRefused for one that was not made here."""
    try:
        values = json.loads(urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        values = None
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(isinstance(value, str) and _is_storable(value) for value in values)
    ):
        raise no_cursor()
    return values


def _is_storable(value: str) -> bool:
    """Say whether PostgreSQL takes a text; more is not asked, for names may have any other character."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)


def no_cursor() -> ToolRefused:
    """Return what a word is answered with that is no `next`."""
    return ToolRefused("`after` is no `next` of this list; leave it out to begin again.")


def page_of[P: Page, M: Model](
    page: type[P],
    rows: QuerySet[M],
    *,
    order: Sequence[str],
    after: str,
    limit: int,
    item: Callable[[M], Any] | None = None,
) -> P:
    """Return one part of `rows` in an order that ends with a unique field; a minus before a field reverses it.

    Rows are found by where the part before ended, so none comes twice and none is left out while others are added. No
    field of the order may be null. `item` makes an item of a row that does not name its fields as the item does. Raises
    ToolRefused for a word that is no `next`.
    """
    names = [name.removeprefix("-") for name in order]
    if after:
        rows = rows.filter(_following(rows, order, cursor_values(after, len(order))))
    found = list(rows.order_by(*order)[: limit + 1])
    items = found[:limit]
    following = cursor_of([_text(getattr(items[-1], name)) for name in names]) if len(found) > limit else ""
    return filled(page, items=items if item is None else [item(row) for row in items], next=following)


def listed[P: Page, R](
    page: type[P],
    rows: Iterable[R],
    *,
    key: Callable[[R], Sequence[str]],
    after: str,
    limit: int,
    **others: Any,
) -> P:
    """Return one part of rows that are all at hand, in the order of texts that no two have in common.

    `others` are what the page says besides. Raises ToolRefused for a word that is no `next`.
    """
    ordered = sorted(rows, key=lambda row: list(key(row)))
    if after and ordered:
        last = cursor_values(after, len(key(ordered[0])))
        ordered = [row for row in ordered if list(key(row)) > last]
    following = cursor_of(key(ordered[limit - 1])) if len(ordered) > limit else ""
    return filled(page, items=ordered[:limit], next=following, **others)


def filled[S: Schema](schema: type[S], **values: Any) -> S:
    """Return a Schema whose members are read off models, or whatever has the attributes that it names."""
    return shown(schema, values)


def shown[S: Schema](schema: type[S], row: Any) -> S:
    """Return a Schema read off a model, or whatever has the attributes that it names."""
    return schema.model_validate(row, strict=False, from_attributes=True)


def _following[M: Model](rows: QuerySet[M], order: Sequence[str], values: Sequence[str]) -> Q:
    """Return what holds for the rows after the one that has these values."""
    following, same, bound = Q(), Q(), Q()
    for place, (name, text) in enumerate(zip(order, values, strict=True)):
        field = name.removeprefix("-")
        try:
            value = rows.model._meta.get_field(field).to_python(text)  # type: ignore[union-attr]
        except (ValidationError, ValueError, OverflowError):
            raise no_cursor() from None
        beyond = "lt" if name.startswith("-") else "gt"
        following |= same & Q(**{f"{field}__{beyond}": value})
        same &= Q(**{field: value})
        if place == 0:
            bound = Q(**{f"{field}__{beyond}e": value})  # says nothing new, and lets an index begin there
    return bound & following


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
