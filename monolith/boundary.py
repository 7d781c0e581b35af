"""What happens when code of one module reaches for another's data: one decision, used by router and guard."""

import contextlib
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import django
import psycopg

from monolith.composition import composed
from monolith.context import Scope, current_scope
from monolith.errors import BoundaryViolation
from monolith.module import BROKER, FRAMEWORK_LABEL, PLATFORM

logger = logging.getLogger("monolith.boundary")

# Frames of these are on the way from the code that crossed to here. As they are imported, links and all: so frames say.
_FRAMEWORK_PATHS: Final = (
    f"{Path(__file__).parent}{os.sep}",
    f"{Path(django.__file__).parent}{os.sep}",
    f"{Path(psycopg.__file__).parent}{os.sep}",
    contextlib.__file__,
)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One place in the code from which one module reaches for another."""

    current: str
    target: str
    place: str  # file:line of the first frame outside Django and the framework


_counts: Counter[Crossing] = Counter()
_counts_lock = threading.Lock()


def crossings() -> Mapping[Crossing, int]:
    """Return how often each crossing was let through in audit mode since this process started."""
    with _counts_lock:
        return dict(_counts)


def belongs(owner: str, module: str) -> bool:
    """Say whether what `owner` owns lives in `module`'s schema: its own, and its set of the framework's tables."""
    return owner == module or (owner == FRAMEWORK_LABEL and module not in (PLATFORM, BROKER))


def allowed(scope: Scope, owner: str) -> bool:
    """Say whether code in `scope` may touch what `owner` owns."""
    return belongs(owner, scope.module) or (owner == PLATFORM and scope.with_platform)


def require_allowed(owner: str, what: str) -> None:
    """Refuse, or in audit mode log and count, a touch of `owner`'s data from the current scope.

    Raises BoundaryViolation in enforce mode.
    """
    scope = current_scope()
    if allowed(scope, owner):
        return
    if composed().environment.boundary == "enforce":
        raise BoundaryViolation(current=scope.module, target=owner, what=what)
    crossing = Crossing(scope.module, owner, _calling_place())
    with _counts_lock:
        _counts[crossing] += 1
        count = _counts[crossing]
    logger.warning(
        "boundary crossing: module '%s' reached for '%s' at %s: %s (%d so far)",
        crossing.current,
        crossing.target,
        crossing.place,
        what,
        count,
    )


def _calling_place() -> str:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_FRAMEWORK_PATHS):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
