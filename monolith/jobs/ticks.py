"""The moments at which a schedule is due.

Cron expressions are read as Debian's cron reads them (crontab(5)): an hour that the clock skips in spring is made up
for right after it, one that it repeats in autumn counts once; with `*` for the hour they follow elapsed time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from monolith.jobs.task import Timing

MAX_CAUGHT_UP: Final = 100  # of the ticks that CatchUp.ALL makes up for
SHORTEST: Final = timedelta(seconds=1)


def ticks_after(timing: "Timing", moment: datetime) -> Iterator[datetime]:
    """Yield the ticks after `moment`, in UTC; `every` counts from it, cron from the calendar."""
    if timing.every is not None:
        tick = moment.astimezone(UTC)
        while True:
            tick += timing.every
            yield tick
    local = moment.astimezone(ZoneInfo(timing.timezone))
    for tick in CronSim(timing.cron, local):
        yield tick.astimezone(UTC)


def next_tick(timing: "Timing", moment: datetime) -> datetime:
    """Return the first tick after `moment`, in UTC."""
    return next(ticks_after(timing, moment))


def timing_problems(timing: "Timing") -> list[str]:
    """Say what is wrong with a declared timing and what to write instead."""
    if (timing.every is None) == (not timing.cron):
        return ["a schedule has either every= or cron="]
    problems = []
    if timing.every is not None and timing.every < SHORTEST:
        problems.append("every= is at least one second")
    if timing.jitter < timedelta():
        problems.append("jitter= is not negative")
    if timing.timezone not in available_timezones():
        problems.append(f"timezone={timing.timezone!r} is unknown here; write for example 'Europe/Oslo'")
    elif timing.cron:
        problems += _cron_problems(timing)
    return problems


def _cron_problems(timing: "Timing") -> list[str]:
    if len(timing.cron.split()) != 5:
        return [f"cron={timing.cron!r} has not five fields: minute, hour, day of month, month, day of week"]
    try:
        ticks = list(islice(ticks_after(timing, datetime(2024, 1, 1, tzinfo=UTC)), 2))
    except CronSimError as error:
        return [f"cron={timing.cron!r} cannot be read: {error}"]
    return [] if ticks else [f"cron={timing.cron!r} is never due"]
