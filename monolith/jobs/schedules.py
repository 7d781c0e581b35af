"""Schedules: when tasks are due by themselves.

What a schedule is stands beside its task; its row, in the schema of the task's module, keeps when it is due and was
last. A tick is fired by one transaction that keeps its job and moves the schedule on, so each tick has one job however
many processes fire. The database's clock decides what is due.

A schedule fires whether or not its last job has ended: give the task a `dedupe_key` to have one job wait at most, a
`concurrency_key` to have one run at a time.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from monolith.context import entering
from monolith.jobs.records import fetch, statement
from monolith.jobs.registry import tasks_of
from monolith.jobs.task import AnyTask, CatchUp, Timing
from monolith.jobs.ticks import MAX_CAUGHT_UP, first_tick, following_tick, ticks_due
from monolith.transactions import atomic

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from monolith.models import Schedule

# Longer makes up for short stops under CatchUp.SKIP as well, shorter counts a slow cycle of the loop as a stop.
MISSED_AFTER: Final = timedelta(minutes=1)

_ADD: Final = statement("schedule_add")
_DUE: Final = statement("schedule_due")
_FIRE: Final = statement("schedule_fire")
_MOVE: Final = statement("schedule_move")
_NEXT: Final = statement("schedule_next")


@dataclass(frozen=True, slots=True)
class _Due:
    """A schedule that is locked and due."""

    name: str
    timing: Timing
    next_at: datetime  # its first tick that has not been fired
    now: datetime


def upsert(module: str, *, now: datetime | None = None) -> list[str]:
    """Bring the module's schedules to what its tasks declare; return the names of those that are new or changed.

    One whose declaration is as before keeps its timing. One whose `every`, `cron` or `timezone` changed is due
    anew: `every` counts from the last tick, cron from now. Any number of processes may do so at once. `now` is for
    tests; else the database's clock counts.
    """
    with entering(module):
        declared = {name: task.timing for name, task in sorted(tasks_of(module).items())}
        return [
            name for name, timing in declared.items() if timing is not None and _upsert(name, timing, now)
        ]


def fire(module: str, *, now: datetime | None = None) -> int:
    """Fire what is due of the module's schedules; return how many jobs that enqueued.

    `now` is for tests; else the database's clock counts. A schedule that cannot be fired does not hold up the others:
    what went wrong with each is raised as one ExceptionGroup when all of them had their turn.
    """
    tasks, errors, enqueued = _scheduled(module), [], 0
    with entering(module):
        while left := len(tasks):
            try:
                fired = _fire_next(module, tasks, now)
            except Exception as error:
                if len(tasks) == left:  # it is not about one of them
                    raise
                errors.append(error)
                continue
            if fired is None:
                break
            enqueued += fired
    if errors:
        raise ExceptionGroup(f"schedules of {module}", errors)
    return enqueued


def seconds_to_next(module: str) -> float | None:
    """Return the seconds until a schedule of the module is due, below zero when one is overdue; None without any."""
    with entering(module):
        seconds: float | None = fetch(_NEXT, names=list(_scheduled(module)))[0][0]
    return seconds


def declared(module: str) -> frozenset[str]:
    """Return the tasks of a module that are to have a schedule, by this process's code."""
    return frozenset(_scheduled(module))


def orphans(module: str) -> list[str]:
    """Return the schedules that no task of this process declares any more. They are kept and do not fire."""
    with entering(module):
        return sorted(_orphans(module).values_list("name", flat=True))


def remove_orphans(module: str) -> list[str]:
    """Delete the schedules that no task of this process declares any more, and return their names.

    Run it with the code that is deployed: an older process does not know the newest tasks.
    """
    with entering(module), atomic():
        removed = sorted(_orphans(module).select_for_update().values_list("name", flat=True))
        _orphans(module).filter(name__in=removed).delete()
    return removed


def pause(module: str, name: str) -> None:
    """Keep a schedule from firing. Raises Schedule.DoesNotExist."""
    with entering(module), atomic():
        row = _locked(name)
        row.enabled = False
        row.save(update_fields=["enabled"])


def resume(module: str, name: str, *, now: datetime | None = None) -> None:
    """Let a paused schedule fire again; what passed meanwhile was not missed. Raises Schedule.DoesNotExist."""
    with entering(module), atomic():
        row = _locked(name)
        moment = now or _clock()
        if not row.enabled and row.next_at < moment:
            row.next_at = first_tick(timing_of(row), moment)
        row.enabled = True
        row.save(update_fields=["enabled", "next_at"])


def timing_of(row: "Schedule") -> Timing:
    """Return a schedule's row as it is declared."""
    return _timing(row.every_s, row.cron, row.timezone, row.jitter_s, row.catch_up)


def _scheduled(module: str) -> dict[str, AnyTask]:
    return {name: task for name, task in tasks_of(module).items() if task.timing is not None}


def _orphans(module: str) -> "QuerySet[Schedule]":
    from monolith.models import Schedule

    return Schedule.objects.exclude(name__in=list(_scheduled(module)))


def _locked(name: str) -> "Schedule":
    from monolith.models import Schedule

    return Schedule.objects.select_for_update().get(pk=name)


def _upsert(name: str, timing: Timing, now: datetime | None) -> bool:
    with atomic():
        moment = now or _clock()
        declared = _columns(timing)
        if fetch(_ADD, name=name, next_at=first_tick(timing, moment), **declared):
            return True
        row = _locked(name)
        before = timing_of(row)
        if before == timing:
            return False
        if _calendar(before) != _calendar(timing):
            row.next_at = _due_anew(timing, row.last_at, moment)
        for column, value in declared.items():
            setattr(row, column, value)
        row.save(update_fields=["next_at", *declared])
        return True


def _due_anew(timing: Timing, last: datetime | None, now: datetime) -> datetime:
    """Return when a schedule is due whose declaration changed."""
    if timing.every is not None and last is not None:
        return max(now, last + timing.every)  # from its last tick, so that a deployment does not put it off
    return first_tick(timing, now)


def _calendar(timing: Timing) -> tuple[timedelta | None, str, str]:
    """Return what the ticks follow from."""
    return (timing.every, timing.cron, timing.timezone if timing.cron else "")


def _fire_next(module: str, tasks: dict[str, AnyTask], now: datetime | None) -> int | None:
    """Fire one schedule that is due and take it from `tasks`; None when none is due."""
    with atomic():
        # An equal job that is being enqueued holds the row up until its transaction ends; the next cycle comes soon.
        fetch("SET LOCAL lock_timeout = '200ms'")
        due = _lock_due(tasks, now)
        if due is None:
            return None
        task = tasks.pop(due.name)
        try:
            return _fire(module, task, due)
        except Exception as error:
            error.add_note(f"while firing the schedule {due.name}")
            raise


def _lock_due(names: Collection[str], now: datetime | None) -> _Due | None:
    rows = fetch(_DUE, names=list(names), now=now)
    if not rows:
        return None
    name, *columns, next_at, moment = rows[0]
    return _Due(name, _timing(*columns), next_at, moment)


def _fire(module: str, task: AnyTask, due: _Due) -> int:
    ticks = _to_fire(due)
    enqueued = [tick for tick in ticks if _enqueue(module, task, tick, due)]
    fetch(
        _MOVE,
        name=due.name,
        last_at=ticks[-1] if ticks else None,
        next_at=following_tick(due.timing, due.next_at, due.now),
    )
    return len(enqueued)


def _to_fire(due: _Due) -> list[datetime]:
    """Return the ticks that get a job, oldest first."""
    match due.timing.catch_up:
        case CatchUp.ALL:
            return ticks_due(due.timing, due.next_at, due.now, limit=MAX_CAUGHT_UP)
        case CatchUp.LATEST:
            return ticks_due(due.timing, due.next_at, due.now, limit=1)
        case CatchUp.SKIP:
            latest = ticks_due(due.timing, due.next_at, due.now, limit=1)
            return [tick for tick in latest if due.now - tick <= MISSED_AFTER]


def _enqueue(module: str, task: AnyTask, tick: datetime, due: _Due) -> bool:
    rows = fetch(
        _FIRE,
        module=module,
        task=task.module_path,
        queue=task.queue_name,
        priority=task.priority,
        heavy=task.heavy,
        now=due.now,
        tick=tick,
        due_at=tick + due.timing.jitter * random.random(),  # noqa: S311 (spreads load, guards nothing)
        dedupe_key=task.key(task.dedupe_key, (), {}),
        concurrency_key=task.key(task.concurrency_key, (), {}),
    )
    return bool(rows)


def _columns(timing: Timing) -> dict[str, Any]:
    return {
        "every_s": timing.every.total_seconds() if timing.every is not None else None,
        "cron": timing.cron,
        "timezone": timing.timezone,
        "jitter_s": timing.jitter.total_seconds(),
        "catch_up": timing.catch_up.value,
    }


def _timing(every_s: float | None, cron: str, timezone: str, jitter_s: float, catch_up: str) -> Timing:
    return Timing(
        every=None if every_s is None else timedelta(seconds=every_s),
        cron=cron,
        timezone=timezone,
        jitter=timedelta(seconds=jitter_s),
        catch_up=CatchUp(catch_up),
    )


def _clock() -> datetime:
    moment: datetime = fetch("SELECT clock_timestamp()")[0][0]
    return moment
