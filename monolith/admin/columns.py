"""Columns of lists and fields of pages: states in colour, long texts cut, documents indented."""

import enum
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.timezone import localtime

type Column = Callable[[Any], str]


class Tone(enum.StrEnum):
    """How a state is to be taken; each has a colour in the style sheet."""

    GOOD = "good"
    BUSY = "busy"  # under way
    WARN = "warn"  # somebody should know
    BAD = "bad"  # somebody should act
    QUIET = "quiet"


def badge(field: str, tones: Mapping[Any, Tone]) -> Column:
    """Return a column that shows a field's value in its tone, with the label of the choice where one points at it.

    Values without a tone are quiet.
    """

    def column(row: Model) -> str:
        value = getattr(row, field)
        label = getattr(row, f"get_{field}_display", lambda: value)()
        return format_html(
            '<span class="badge badge-{}" title="{}">{}</span>', tones.get(value, Tone.QUIET), label, value
        )

    return _named(column, field)


def state(name: Callable[[Any], str], tones: Mapping[Any, Tone]) -> Column:
    """Return a column that shows what a function says of a row in its tone; for states that no field has."""

    def column(row: Model) -> str:
        value = name(row)
        return format_html('<span class="badge badge-{}">{}</span>', tones.get(value, Tone.QUIET), value)

    return _named(column, "state", ordering=None)


def excerpt(field: str, length: int = 80) -> Column:
    """Return a column with at most `length` characters of a text, which is shown whole where one points at it."""

    def column(row: Model) -> str:
        text = str(getattr(row, field) or "")
        if len(text) <= length:
            return text
        return format_html('<span title="{}">{}</span>', text[:2000], Truncator(text).chars(length))

    return _named(column, field)


@cache
def moment(field: str) -> Column:
    """Return a column with a time to the second, for records in which the order of things matters."""

    def column(row: Model) -> str:
        at = getattr(row, field)
        return "" if at is None else f"{localtime(at):%Y-%m-%d %H:%M:%S}"

    return _named(column, field)


@cache
def document(field: str) -> Column:
    """Return a read-only field that shows JSON indented; the same one each time, as Django compares them."""

    def column(row: Model) -> str:
        value = getattr(row, field)
        if value is None:
            return ""
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
        return format_html('<pre class="document">{}</pre>', text)

    return _named(column, field, ordering=None)


def _named(column: Callable[[Model], str], field: str, *, ordering: str | None = "") -> Column:
    column.__name__ = field  # Django finds the help text and the style of the column by it
    order = field if ordering == "" else ordering
    return admin.display(column, description=field.replace("_", " "), ordering=order, empty_value="")
