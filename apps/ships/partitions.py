"""The days for which positions are kept, one partition each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from monolith import atomic, connection

# Positions stay this many whole days. Raise it for longer tracks; a busy coast makes a million rows a day.
KEPT_DAYS: Final = 14
# One day less is taken in, so that no report arrives for a day that is being dropped.
TAKEN_DAYS: Final = KEPT_DAYS - 1
# A receiver's clock may be ahead of ours; a report far ahead would hold `latest` until its time has come.
AHEAD: Final = timedelta(minutes=10)

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


def rotate(*, now: datetime) -> Rotation:
    """Make today's and tomorrow's partition; bank and drop the days that are no longer kept."""
    today = now.astimezone(UTC).date()
    made = ensure_days([today, today + timedelta(days=1)])
    dropped = {day: drop(day) for day in days() if day < today - timedelta(days=KEPT_DAYS)}
    return Rotation(made, {day: cells for day, cells in dropped.items() if cells is not None})


def drop(day: date) -> int | None:
    """Bank a day's heat and drop its partition, in one transaction; return the cells banked, None of no partition."""
    with atomic(), connection().cursor() as cursor:
        cursor.execute(DROP, [day])
        cells = cursor.fetchone()[0]
        return None if cells is None else int(cells)
