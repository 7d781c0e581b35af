"""Where in the request a refused value was, in the caller's words instead of pydantic's."""

from collections.abc import Iterable
from typing import Any, Final

_NO_UNION: Final = "none_required"  # "or None": how an optional value says that it was not absent either
_VALUE_ERROR: Final = "Value error, "  # what pydantic puts before a validator's own words


def named_errors(errors: Iterable[dict[str, Any]], model: Any) -> list[dict[str, Any]]:
    """Return each error under the name or path that the caller sent, one per place.

    `model` is Ninja's model of one part of the request: it knows how parameters were grouped.
    """
    by_place: dict[tuple[Any, ...], dict[str, Any]] = {}
    for error in errors:
        source, *path = error["loc"]
        place = (source, *_place(tuple(path), model))
        known = by_place.get(place)
        if known is None or known["type"] == _NO_UNION:
            by_place[place] = {
                "type": error["type"],
                "loc": place,
                "msg": str(error["msg"]).removeprefix(_VALUE_ERROR),
            }
    return list(by_place.values())


def _place(path: tuple[Any, ...], model: Any) -> tuple[Any, ...]:
    wrapper = getattr(model, "__read_from_single_attr__", None)
    if wrapper is not None and path[:1] == (wrapper,):
        path = path[1:]  # Ninja wraps a lone body in its parameter's name, which the caller never sent
    for name, grouped in getattr(model, "__ninja_flatten_map__", {}).items():
        if path[: len(grouped)] == tuple(grouped):
            path = (name, *path[len(grouped) :])
            break
    return tuple(part for part in path if not _is_pydantics(part))


def _is_pydantics(part: Any) -> bool:
    """Say whether a part of a location names a branch of a union or a validator rather than a field."""
    return isinstance(part, str) and (part == "none" or "[" in part or "(" in part)
