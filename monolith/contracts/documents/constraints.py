"""Whether the reader of a text, a number or a list takes every one that is written: values, forms, bounds."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter

from monolith.contracts.documents.breaks import Break, Direction
from monolith.contracts.documents.json_schema import KNOWN

type Json = Mapping[str, Any]

_BINARY: Final = "base64url"  # read as text it is another value
_SIZES: Final = ("Length", "Items", "Properties")
# Each with the keyword of the bound that is itself outside.
_LOWER: Final = {
    "minimum": "exclusiveMinimum",
    "formatMinimum": "formatExclusiveMinimum",
    **{f"min{size}": "" for size in _SIZES},
}
_UPPER: Final = {
    "maximum": "exclusiveMaximum",
    "formatMaximum": "formatExclusiveMaximum",
    "x-max-digits": "",
    "x-decimal-places": "",
    **{f"max{size}": "" for size in _SIZES},
}
_ORDERED: Final[dict[str, Callable[[str], Any]]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "decimal": Decimal,
    "iso8601-duration": TypeAdapter(timedelta).validate_python,
}


def constraint_breaks(old: Json, new: Json, place: str, direction: Direction) -> Iterator[Break]:
    """Yield where the reader takes less than what is written, of two schemas of one JSON kind."""
    written, read = (old, new) if direction is Direction.REQUEST else (new, old)
    if direction is Direction.REQUEST:
        yield from _lost_values(old, new, place)
    else:
        yield from _gained_values(old, new, place)
    if _differ_in_form(written, read):
        yield _break(place, direction, "was", _form(old), _form(new))
        return
    for keyword in _narrower(written, read):
        yield _break(place, direction, f"had {keyword}", _said(old, keyword), _said(new, keyword))


def _break(place: str, direction: Direction, what: str, old: str, new: str) -> Break:
    fix = "take what was taken" if direction is Direction.REQUEST else "send what readers take"
    return Break(place, f"{what} {old}, now {new}", fix)


def _lost_values(old: Json, new: Json, place: str) -> Iterator[Break]:
    known, closed = _values(new, open_too=True), _values(new)
    for value in _values(old, open_too=True) or {}:
        if known is not None and value not in known:
            yield Break(place, f"no longer takes {value}", "keep the value")
    if closed is not None and _values(old) is None:
        yield Break(place, f"takes only {', '.join(closed)} now", "take what was taken")


def _gained_values(old: Json, new: Json, place: str) -> Iterator[Break]:
    closed, written = _values(old), _values(new)
    if closed is None:
        return
    if written is None:
        yield Break(place, f"may be other than {', '.join(closed)} now", "send what readers take")
    for value in written or {}:
        if value not in closed:
            fix = "readers refuse values they do not know; in a new version, derive the Enum from OpenEnum"
            yield Break(place, f"may be {value} now", fix)


def _values(schema: Json, *, open_too: bool = False) -> list[str] | None:
    """Return the only values of a schema, as JSON, or with `open_too` those that are known; None for any."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is None and open_too:
        values = schema.get(KNOWN)
    return None if values is None else [json.dumps(value) for value in values]


def _differ_in_form(written: Json, read: Json) -> bool:
    if (written.get("type"), read.get("type")) == ("number", "integer"):
        return True
    formats = written.get("format"), read.get("format")
    return formats[0] != formats[1] and (formats[1] is not None or formats[0] == _BINARY)


def _form(schema: Json) -> str:
    return str(schema.get("format") or schema.get("type", "string"))


def _narrower(written: Json, read: Json) -> Iterator[str]:
    """Yield the keywords by which the reader takes less than what is written."""
    if "pattern" in read and read["pattern"] != written.get("pattern"):
        yield "pattern"
    if "multipleOf" in read and not _is_multiple(written.get("multipleOf"), read["multipleOf"]):
        yield "multipleOf"
    for keyword, strict in _LOWER.items():
        limit, bound = _bound(read, keyword, strict, 1), _bound(written, keyword, strict, 1)
        if limit is not None and (bound is None or bound < limit):
            yield keyword
    for keyword, strict in _UPPER.items():
        limit, bound = _bound(read, keyword, strict, -1), _bound(written, keyword, strict, -1)
        if limit is not None and (bound is None or bound > limit):
            yield keyword


def _is_multiple(written: float | None, read: float) -> bool:
    return written is not None and Decimal(str(written)) % Decimal(str(read)) == 0


def _bound(schema: Json, keyword: str, strict: str, inwards: int) -> tuple[Any, int] | None:
    """Return a bound as what sorts by how much it leaves inside; None where there is none."""
    order = _ORDERED.get(schema.get("format", ""), _same) if keyword.startswith("format") else _same
    if strict in schema:
        value = order(schema[strict])
        return (value + inwards, 0) if schema.get("type") == "integer" else (value, inwards)
    return (order(schema[keyword]), 0) if keyword in schema else None


def _same(value: Any) -> Any:
    return value


def _said(schema: Json, keyword: str) -> str:
    strict = (_LOWER | _UPPER).get(keyword, "")
    return f"{schema[strict]} (exclusive)" if strict in schema else str(schema.get(keyword, "none"))
