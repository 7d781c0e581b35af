"""What a database error says about whose fault it is."""

from collections.abc import Iterator
from typing import Final

from django.db import DataError

# SQLSTATEs that say "this value does not fit": the caller sent it, so it is not our failure.
# https://www.postgresql.org/docs/current/errcodes-appendix.html, class 22
_VALUE_REFUSED: Final = frozenset({"22001", "22003", "22007", "22008", "22021", "22P02", "22P05"})


def is_value_refused(error: BaseException) -> bool:
    """Say whether PostgreSQL, or its driver, could not hold a value: NUL, out of range."""
    if not isinstance(error, DataError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state in _VALUE_REFUSED


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__
