"""Columns on their way into `unnest`."""

from collections.abc import Iterable, Sequence
from typing import Any


def column(numbers: Iterable[float | None]) -> str:
    """Return numbers as the text of a PostgreSQL array, None as NULL.

    Python prints and PostgreSQL parses it about twice as fast as an adapted list goes over. Numbers only:
    there is nothing in them to quote.
    """
    return "{" + repr(list(numbers))[1:-1].replace("None", "NULL") + "}"


def columns(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return rows of numbers as one array text per column; of no rows, no columns."""
    return [column(values) for values in zip(*rows, strict=True)]
