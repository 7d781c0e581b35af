"""When a task is due, in words."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monolith.jobs.task import Timing

_UNITS: Final = (
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)


def due_text(timing: "Timing") -> str:
    """Return a timing in words: "every 6 h, up to 10 min later"."""
    when = (
        f"cron {timing.cron} {timing.timezone}"
        if timing.every is None
        else f"every {length_text(timing.every)}"
    )
    return f"{when}, up to {length_text(timing.jitter)} later" if timing.jitter else when


def length_text(length: timedelta) -> str:
    """Return a length of time in the units that it consists of: "1 h 30 min"."""
    parts = []
    for unit, name in _UNITS:
        count, length = divmod(length, unit)
        if count:
            parts.append(f"{count} {name}")
    if length:
        parts.append(f"{length.microseconds // 1000} ms")
    return " ".join(parts) or "0 s"
