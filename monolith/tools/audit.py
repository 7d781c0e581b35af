"""The record of calls: every one, however it ended, without secrets and cut to what helps.

A call that may change something is kept before it begins, and its end is added to that entry: a process that dies
meanwhile leaves an entry that says `running`, and nothing happens that the record does not have. A call that only reads
is kept once it has ended, before it is told.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from monolith.logs import redacted
from monolith.tools.models import ToolCall
from monolith.tools.rows import fetch, statement
from monolith.tools.secret_text import REDACTED, is_secret_name, without_secrets

logger = logging.getLogger("monolith.tools")

MAX_TEXT: Final = 200  # characters that are kept of a text
MAX_ITEMS: Final = 20  # members of an object, and entries of a list
MAX_DEPTH: Final = 5
MAX_DETAIL: Final = 500
MAX_BITS: Final = 64  # of a number; a longer one is kept as text
BEYOND: Final = (
    4096  # characters that are looked at after the last that is kept: a secret may begin before it
)
CUT: Final = "…"
_KEEP: Final = statement("keep_call")
_ENDED: Final = statement("end_call")


def record(call: ToolCall) -> None:
    """Keep one call. Where that fails the log says which, and nobody is told what it gave."""
    try:
        # A statement and not save(), which makes its SQL anew for each call.
        fetch(_KEEP, **vars(call) | {"arguments": json.dumps(call.arguments)})
    except Exception:
        _lost(call)
        raise


def record_end(call: ToolCall) -> None:
    """Add to a call that was kept when it began how it ended."""
    ended = {"outcome": call.outcome, "detail": call.detail, "duration_ms": call.duration_ms}
    try:
        fetch(_ENDED, id=call.id, **ended)
    except Exception:
        _lost(call)
        raise


def _lost(call: ToolCall) -> None:
    logger.exception("a call of %s by %s (%s) could not be kept", call.tool, call.token_name, call.outcome)


def kept_text(text: str, limit: int) -> str:
    """Return text as the record keeps it: without secrets, in characters that PostgreSQL keeps, cut."""
    # Cut before it is looked at: what comes later is not kept, and looking through a megabyte takes its time.
    clean = text[: limit + BEYOND].replace("\0", "\ufffd").encode(errors="replace").decode()
    shown: str = redacted(without_secrets(clean))
    return shown if len(shown) <= limit else shown[: limit - 1] + CUT


def kept_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as the record keeps them, whatever they are: as JSON that PostgreSQL keeps."""
    return {kept_text(str(name), MAX_TEXT): _kept(name, value, 1) for name, value in _first(arguments)}


def _kept(name: Any, value: Any, depth: int) -> Any:
    if isinstance(name, str) and is_secret_name(name) and value not in (None, ""):
        return REDACTED
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, Mapping):
        if depth >= MAX_DEPTH:
            return CUT
        return {kept_text(str(key), MAX_TEXT): _kept(key, item, depth + 1) for key, item in _first(value)}
    if isinstance(value, list | tuple):
        return CUT if depth >= MAX_DEPTH else [_kept("", item, depth + 1) for item in value[:MAX_ITEMS]]
    return _number(value) if value is not None else None


def _number(value: Any) -> Any:
    if isinstance(value, float):
        # JSON has no other; PostgreSQL refuses what Python would write.
        return value if value - value == 0 else str(value)
    if isinstance(value, int):  # and bool
        return value if value.bit_length() <= MAX_BITS else f"a number of {value.bit_length()} bits"
    return _cut(str(value))


def _cut(text: str) -> str:
    kept = kept_text(text, MAX_TEXT)
    return f"{kept} ({len(text)} characters)" if len(text) > MAX_TEXT else kept


def _first(items: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    return list(items.items())[:MAX_ITEMS]
