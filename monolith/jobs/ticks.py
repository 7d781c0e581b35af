"""The moments at which a schedule is due.

Cron expressions are read as Debian's cron reads them (crontab(5)): an hour that the clock skips in spring is made up
for right after it, one that it repeats in autumn counts once; with `*` for the hour they follow elapsed time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from monolith.jobs.task import Timing

MAX_CAUGHT_UP: Final = 100  # of the ticks that CatchUp.ALL makes up for
SHORTEST: Final = timedelta(seconds=1)
_FIRST_LOOK: Final = timedelta(minutes=2)  # back in the calendar, for each tick that is looked for


def ticks_after(timing: "Timing", moment: datetime) -> Iterator[datetime]:
    """Yield the ticks after `moment`, in UTC, each later than the one before; `every` counts from `moment`."""
    last = moment.astimezone(UTC)
    if timing.every is not None:
        while True:
            last += timing.every
            yield last
    for local in CronSim(timing.cron, moment.astimezone(ZoneInfo(timing.timezone))):
        tick = local.astimezone(UTC)
        # A repeated hour counts once, so from its second half CronSim looks back into the first; and all times of a
        # skipped hour are one moment.
        if tick > last:
            yield tick
            last = tick


def next_tick(timing: "Timing", moment: datetime) -> datetime:
    """Return the first tick after `moment`, in UTC."""
    return next(ticks_after(timing, moment))


def first_tick(timing: "Timing", moment: datetime) -> datetime:
    """Return when a schedule that never ran is due, in UTC.

    One of `every` at once: whoever deploys "every six hours" looks for its effects now, and a new system would stay
    empty until then. One of the calendar when the calendar says.
    """
    return moment.astimezone(UTC) if timing.every is not None else next_tick(timing, moment)


def ticks_due(timing: "Timing", first: datetime, until: datetime, *, limit: int) -> list[datetime]:
    """Return the last `limit` ticks from the tick `first` up to and with `until`, oldest first.

    The time it takes grows with `limit` and not with the time that has passed.
    """
    if timing.every is not None:
        passed = (until - first) // timing.every
        return [first + timing.every * n for n in range(max(0, passed + 1 - limit), passed + 1)]
    look = _FIRST_LOOK * limit
    while until - look > first:
        found = _between(timing, until - look, until)
        if len(found) >= limit:
            return found[-limit:]
        look *= 4
    return [tick for tick in (first, *_between(timing, first, until)) if tick <= until][-limit:]


def following_tick(timing: "Timing", first: datetime, until: datetime) -> datetime:
    """Return the first tick after `until` of a schedule that has the tick `first`, which is not later."""
    if timing.every is not None:
        return first + timing.every * ((until - first) // timing.every + 1)
    return next_tick(timing, until)


def _between(timing: "Timing", moment: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda tick: tick <= until, ticks_after(timing, moment)))


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
