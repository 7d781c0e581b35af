"""How long calls and decisions are kept: 90 days. Then `manage.py tokens forget` lets go of them.

Calls do as well: whoever writes forgets, so that the tables stay bounded with no schedule of their own. The platform is
no module, and jobs are modules'.
"""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError

from monolith.tools.rows import fetch, statement

logger = logging.getLogger("monolith.tools")

KEPT_DAYS: Final = 90  # of the audit it is the least, which migration 0002 holds
BATCH: Final = 1_000  # rows of each table at a time
EVERY_S: Final = 3_600.0  # between two looks of one process
_FORGET: Final = statement("forget_old")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went."""

    calls: int
    decisions: int

    @property
    def is_nothing(self) -> bool:
        return not (self.calls or self.decisions)


@dataclass(slots=True)
class _Due:
    at: float = 0.0  # time.monotonic()


_due = _Due()
_looking = threading.Lock()


def forget_some() -> Forgotten:
    """Let go of one batch of what is kept no longer."""
    return Forgotten(*fetch(_FORGET, days=KEPT_DAYS, limit=BATCH)[0])


def forget_all() -> Forgotten:
    """Let go of everything that is kept no longer, in batches."""
    calls = decisions = 0
    while not (some := forget_some()).is_nothing:
        calls, decisions = calls + some.calls, decisions + some.decisions
    return Forgotten(calls, decisions)


def forget_in_passing() -> None:
    """Let go of a batch when this process has not for an hour; a call that was kept does not fail by it."""
    if time.monotonic() < _due.at or not _looking.acquire(blocking=False):
        return
    try:
        _due.at = time.monotonic() + EVERY_S
        forget_some()
    except DatabaseError:
        logger.warning("old calls of tools could not be let go of", exc_info=True)
    finally:
        _looking.release()
