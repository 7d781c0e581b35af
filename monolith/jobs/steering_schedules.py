"""Seeing and steering schedules, leaders and what is left of tasks that are gone, as `steering` does it for jobs."""

import logging
from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.db.models.functions import Now

from monolith.composition import composed
from monolith.jobs import leases, schedules
from monolith.jobs.records import statement
from monolith.jobs.registry import tasks_of
from monolith.jobs.rows import JobRow, LeaseRow, Orphan, ScheduleRow
from monolith.jobs.singletons import singletons
from monolith.jobs.steering import found_task, has_function, run_now, steering
from monolith.jobs.steering_errors import ScheduleNotFound, SingletonNotFound
from monolith.jobs.task import CatchUp, Timing
from monolith.models import Lease, Schedule
from monolith.transactions import connection

logger = logging.getLogger("monolith.jobs")

_UNFINISHED: Final = statement("unfinished_tasks")
_DISCARD_UNFINISHED: Final = statement("discard_unfinished")


def list_schedules(module: str) -> list[ScheduleRow]:
    """Return a module's schedules by name."""
    with steering(module):
        rows = list(Schedule.objects.order_by("name"))
    declared = schedules.declared(module)
    return [_shown(module, row, has_function=row.name in declared) for row in rows]


def set_enabled(module: str, name: str, *, enabled: bool) -> ScheduleRow:
    """Let a schedule fire, or keep it from firing; what passed meanwhile was not missed. Raises ScheduleNotFound."""
    with steering(module):
        try:
            (schedules.resume if enabled else schedules.pause)(module, name)
        except Schedule.DoesNotExist:
            known = Schedule.objects.values_list("name", flat=True)
            raise ScheduleNotFound(module, name, known=known) from None
    logger.info("schedule %s of %s was %s by hand", name, module, "enabled" if enabled else "disabled")
    return next(row for row in list_schedules(module) if row.name == name)


def run_schedule_now(module: str, name: str) -> JobRow:
    """Enqueue a job of a task that has a schedule, which stays as it is. Raises ScheduleNotFound, TaskNotFound."""
    with steering(module):
        if found_task(module, name).timing is None:
            known = [path for path, task in tasks_of(module).items() if task.timing is not None]
            raise ScheduleNotFound(module, name, known=known)
    return run_now(name, module=module)


def list_leases(module: str) -> list[LeaseRow]:
    """Return who leads a module's singletons, by name."""
    with steering(module):
        rows = Lease.objects.order_by("deployment", "name").annotate(
            is_held=Q(expires_at__gt=Now()) & ~Q(holder="")
        )
        return [
            LeaseRow(
                module=module,
                **{
                    field: getattr(row, field) for field in LeaseRow.__dataclass_fields__ if field != "module"
                },
            )
            for row in rows
        ]


def set_running(name: str, *, running: bool) -> LeaseRow:
    """Let a singleton of this deployment run, or end it wherever it runs, within one renewal of its lease.

    Raises SingletonNotFound.
    """
    owners = {singleton.name: module for module, singleton in singletons()}
    if name not in owners:
        raise SingletonNotFound(name, known=owners)
    module = owners[name]
    with steering(module):
        leases.switch(module, name, on=running)
    logger.info("singleton %s of %s was switched %s by hand", name, module, "on" if running else "off")
    deployment = composed().environment.deployment
    return next(row for row in list_leases(module) if (row.name, row.deployment) == (name, deployment))


def orphans(module: str) -> list[Orphan]:
    """Return the tasks of jobs that have not ended whose function this process does not have, and the schedules that
    none of its tasks declares.
    """
    return orphaned_jobs(module) + [
        Orphan(module=module, kind="schedule", task=row.name, jobs=0, since=row.last_at)
        for row in list_schedules(module)
        if not row.has_function
    ]


def orphaned_jobs(module: str) -> list[Orphan]:
    """Return what `orphans` says of jobs."""
    with steering(module), connection().cursor() as cursor:
        cursor.execute(_UNFINISHED)
        tasks = cursor.fetchall()
    return [
        Orphan(module=module, kind="jobs", task=task, jobs=count, since=since)
        for task, count, since in tasks
        if not has_function(module, task)
    ]


def remove_orphans(module: str) -> list[Orphan]:
    """Discard the jobs and delete the schedules that are orphans; return what was there.

    Run it with the code that is deployed: an older process does not know the newest tasks. Running jobs stay.
    """
    found = orphans(module)
    with steering(module):
        for orphan in found:
            if orphan.kind == "jobs":
                with connection().cursor() as cursor:
                    cursor.execute(_DISCARD_UNFINISHED, {"task": orphan.task})
        schedules.remove_orphans(module)
    for orphan in found:
        logger.info("%s of %s removed by hand: %s", orphan.kind, module, orphan.task)
    return found


def timing_in_words(timing: Timing) -> str:
    """Return when a schedule is due: `every 6 hours`, `0 3 * * * Europe/Oslo`."""
    words = f"every {_duration(timing.every)}" if timing.every else f"{timing.cron} {timing.timezone}"
    if timing.jitter:
        words += f", up to {_duration(timing.jitter)} later"
    return words if timing.catch_up is CatchUp.LATEST else f"{words}, missed: {timing.catch_up.value}"


def _duration(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:g} s"


def _shown(module: str, row: Schedule, *, has_function: bool) -> ScheduleRow:
    return ScheduleRow(
        module=module,
        name=row.name,
        timing=timing_in_words(schedules.timing_of(row)),
        next_at=row.next_at,
        last_at=row.last_at,
        enabled=row.enabled,
        has_function=has_function,
    )
