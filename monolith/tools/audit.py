"""The record of calls: every one, however it ended, without secrets and cut to what helps."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from django.db import DatabaseError

from monolith.context import entering
from monolith.logs import redacted
from monolith.module import PLATFORM
from monolith.tools.models import ToolCall

logger = logging.getLogger("monolith.tools")

MAX_TEXT: Final = 200  # characters that are kept of a text
MAX_ITEMS: Final = 20  # members of an object, and entries of a list
MAX_DEPTH: Final = 5
MAX_DETAIL: Final = 500


def record(call: ToolCall) -> None:
    """Keep one call. Where that fails the call has happened all the same: the log says which."""
    try:
        with entering(PLATFORM):
            call.save(force_insert=True)
    except DatabaseError:
        logger.exception(
            "a call of %s by %s (%s) could not be kept", call.tool, call.token_name, call.outcome
        )
        raise


def kept_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as the record keeps them."""
    cut = _cut(redacted(dict(arguments)), 0)
    return cut if isinstance(cut, dict) else {}


def _cut(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        text = value.replace("\0", "\ufffd").encode(errors="replace").decode()
        return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text)} characters)"
    if isinstance(value, Mapping):
        if depth >= MAX_DEPTH:
            return "…"
        items = list(value.items())[:MAX_ITEMS]
        return {str(_cut(str(name), depth)): _cut(item, depth + 1) for name, item in items}
    if isinstance(value, list | tuple):
        if depth >= MAX_DEPTH:
            return "…"
        return [_cut(item, depth + 1) for item in value[:MAX_ITEMS]]
    if isinstance(value, float) and value != value:  # which JSON does not have
        return "NaN"
    return value if value is None or isinstance(value, bool | int | float) else _cut(str(value), depth)
