"""The days for which positions are kept, one partition each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from time import sleep
from typing import Final

from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from monolith import atomic, connection

# Positions stay this many whole days. Raise it for longer tracks; a busy coast makes a million rows a day.
KEPT_DAYS: Final = 14
# One day less is taken in, so that no report arrives for a day that is being dropped.
TAKEN_DAYS: Final = KEPT_DAYS - 1
# A receiver's clock may be ahead of ours; a report far ahead would hold `latest` until its time has come.
AHEAD: Final = timedelta(minutes=10)
# A drop gives up after half a second behind a reader, so that others do not queue behind it for longer.
ATTEMPTS: Final = 3
PAUSE_S: Final = 1.0

ENSURE: Final = "SELECT ensure_partitions(%s, %s)"
DROP: Final = "SELECT drop_partition(%s)"
# Partitions by the day in their name; the catalogs are readable to every role.
DAYS: Final = """
SELECT to_date(right(child.relname, 8), 'YYYYMMDD')
FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = 'ships_position'::regclass
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did."""

    made: int  # partitions
    dropped: dict[date, int]  # cells banked, by day dropped
    postponed: tuple[date, ...]  # somebody was reading; the next rotation drops them


def first_taken(*, now: datetime) -> datetime:
    """Return the earliest time a report may have."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=TAKEN_DAYS)


def last_taken(*, now: datetime) -> datetime:
    """Return the latest time a report may have."""
    return now + AHEAD


def ensure_days(days: Iterable[date]) -> int:
    """Make the partitions that `days` lack and return how many that were; commits on its own."""
    wanted = sorted(set(days))
    if not wanted:
        return 0
    with atomic(), connection().cursor() as cursor:
        cursor.execute(ENSURE, [wanted[0], wanted[-1]])
        return int(cursor.fetchone()[0])


def days() -> list[date]:
    """Return the days that have a partition, oldest first."""
    with connection().cursor() as cursor:
        cursor.execute(DAYS)
        return [day for (day,) in cursor.fetchall()]


def rotate(*, now: datetime, pause_s: float = PAUSE_S) -> Rotation:
    """Make today's and tomorrow's partition; bank and drop the days that are no longer kept.

    Days that stay in use over three attempts, `pause_s` seconds apart, are left for the next rotation.
    """
    today = now.astimezone(UTC).date()
    made = ensure_days([today, today + timedelta(days=1)])
    left = [day for day in days() if day < today - timedelta(days=KEPT_DAYS)]
    dropped: dict[date, int] = {}
    for attempt in range(ATTEMPTS):
        if left and attempt:
            sleep(pause_s)
        left = [day for day in left if not _dropped(day, dropped)]
    return Rotation(made, dropped, tuple(left))


def drop(day: date) -> int | None:
    """Bank a day's heat and drop its partition, in one transaction; return the cells banked, None of no partition.

    Raises OperationalError (from LockNotAvailable) when the table is in use for over half a second.
    """
    with atomic(), connection().cursor() as cursor:
        cursor.execute(DROP, [day])
        cells = cursor.fetchone()[0]
        return None if cells is None else int(cells)


def _dropped(day: date, dropped: dict[date, int]) -> bool:
    """Drop a day and note its cells; return False when somebody was using it."""
    try:
        cells = drop(day)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False
    if cells is not None:
        dropped[day] = cells
    return True
