"""Seeing and steering the jobs of modules: each function reads or writes one module's rows, as that module.

Who may: the host (commands), the module itself, and a module that declares `steers_jobs`. Functions raise
BoundaryViolation for all others, ModuleElsewhere for a module that is not composed here.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from django.db import IntegrityError, InterfaceError, OperationalError

from monolith.composition import composed
from monolith.context import current_module, entering
from monolith.errors import BoundaryViolation
from monolith.jobs import records, registry
from monolith.jobs.records import fetch, statement
from monolith.jobs.retention import DEAD, ENDED, forget
from monolith.jobs.rows import JobDetails, JobRow, StuckJob, TaskCount
from monolith.jobs.steering_errors import (
    JobNotFound,
    JobNotSteerable,
    ModuleElsewhere,
    ModuleNotSaid,
    ModuleUnknown,
    SteeringError,
    TaskNotFound,
)
from monolith.jobs.task import AnyTask
from monolith.models import Job
from monolith.module import FRAMEWORK_LABEL, PLATFORM
from monolith.transactions import atomic

logger = logging.getLogger("monolith.jobs")

STUCK_AFTER: Final = timedelta(minutes=5)  # less tells of every busy minute, more tells of a dead loop later
MAX_LISTED: Final = 1000
AT_ONCE: Final = (
    5_000  # rows that one statement moves; more take fewer statements, and hold their locks longer
)
_REPLAYABLE: Final = (*DEAD, *ENDED)
_DISCARDABLE: Final = (
    Job.Status.WAITING,
    Job.Status.READY,
    Job.Status.BLOCKED,
    Job.Status.HELD,
    *DEAD,
)

_COUNT: Final = statement("count_jobs")
_STUCK: Final = statement("stuck")
_REPLAY: Final = statement("replay")
_DISCARD: Final = statement("discard")


def modules_here() -> list[str]:
    """Return the modules whose jobs this process can see."""
    return list(composed().modules)


def modules_elsewhere() -> dict[str, str]:
    """Return the other modules, with the address of the process that runs them where it is known."""
    composition = composed()
    return {
        name: composition.remotes.get(name, "")
        for name in composition.declared
        if name not in composition.modules
    }


@dataclass(frozen=True, slots=True)
class Gathered[T]:
    """What several modules were asked for, each on its own connection."""

    found: list[T]
    unreachable: dict[str, str]  # modules whose database did not answer, and how it put that


def gather[T](read: Callable[[str], Iterable[T]], modules: Iterable[str] | None = None) -> Gathered[T]:
    """Ask modules one after the other, by default all that are here; one that is down does not hide the others."""
    gathered: Gathered[T] = Gathered([], {})
    for module in modules_here() if modules is None else modules:
        try:
            gathered.found.extend(read(module))
        except (OperationalError, InterfaceError) as error:
            gathered.unreachable[module] = str(error).strip()
            logger.warning("the jobs of %s cannot be read", module, exc_info=True)
    return gathered


@contextmanager
def steering(module: str) -> Iterator[None]:
    """Run the block as `module`, if the current module may steer its jobs."""
    composition, current = composed(), current_module()
    overseer = composition.declared.get(current)
    if current not in (PLATFORM, module) and not (overseer and overseer.steers_jobs):
        raise BoundaryViolation(current=current, target=module, what="its jobs")
    if module not in composition.modules:
        raise _not_here(module)
    with entering(module):
        yield


def _not_here(module: str) -> SteeringError:
    composition = composed()
    if module not in composition.declared:
        return ModuleUnknown(module, known=composition.declared)
    return ModuleElsewhere(module, address=composition.remotes.get(module, ""), here=composition.modules)


# Seeing.


def list_jobs(
    module: str,
    *,
    status: str | None = None,
    task: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[JobRow]:
    """Return a module's newest jobs that fit; `before` is the id of the last one seen, `since` of enqueuing."""
    given = {"status": status, "task": task, "enqueued_at__gte": since, "pk__lt": before}
    with steering(module):
        jobs = Job.objects.filter(**{name: value for name, value in given.items() if value is not None})
        return [JobRow(**_shown(module, job)) for job in jobs.order_by("-pk")[: min(limit, MAX_LISTED)]]


def show_job(module: str, job_id: int) -> JobDetails:
    """Return all that is known of one job. Raises JobNotFound."""
    with steering(module):
        job = _found(module, job_id)
    is_known = has_function(module, job.task)
    return JobDetails(
        **_shown(module, job),
        has_function=is_known,
        can_replay=is_known and job.status in _REPLAYABLE and not _was_handled(job),
        can_discard=job.status in _DISCARDABLE,
        arguments=job.arguments,
        result=job.result,
        workers=tuple(job.workers),
        errors=tuple(job.errors),
        tenant=job.travels.get("tenant", ""),
        actor=job.travels.get("actor", ""),
        trace=job.travels.get("traceparent", ""),
        queue=job.queue,
        heavy=job.heavy,
        dedupe_key=job.dedupe_key,
        concurrency_key=job.concurrency_key,
        tick=job.tick,
        claimed_until=job.claimed_until,
        leased_until=job.leased_until,
    )


def count_jobs(module: str) -> list[TaskCount]:
    """Return how many jobs a module has, by task and status. Reads every row of them."""
    found: dict[str, dict[str, int]] = {}
    with steering(module):
        for task, status, count in fetch(_COUNT):
            found.setdefault(task, {})[status] = count
    return [TaskCount(module=module, task=task, statuses=statuses) for task, statuses in found.items()]


def stuck_jobs(module: str, *, after: timedelta = STUCK_AFTER, limit: int = 50) -> list[StuckJob]:
    """Return jobs that run past their lease, that were due for longer than `after`, or that nothing blocks any more."""
    with steering(module):
        parameters = {"after_s": after.total_seconds(), "limit": min(limit, MAX_LISTED)}
        found: Iterable[Any] = Job.objects.raw(_STUCK, parameters)  # jobs with two columns more
        return [
            StuckJob(job=JobRow(**_shown(module, job)), reason=job.reason, since=job.since) for job in found
        ]


# Steering.


def owner_of(path: str, *, module: str = "") -> str:
    """Return whose jobs a task has; `module` where every module has that task. Raises SteeringError."""
    owner = registry.owner_of(path)
    if owner is None:
        raise TaskNotFound(path, known=registry.tasks_of(module) if module else registry.tasks())
    if owner == FRAMEWORK_LABEL and not module:
        raise ModuleNotSaid(path)
    owner = module or owner
    if owner not in composed().modules:
        raise _not_here(owner)
    return owner


def found_task(module: str, path: str) -> AnyTask:
    """Return a task of a module. Raises TaskNotFound."""
    tasks = registry.tasks_of(
        module
    )  # not every function that a row may name: who steers chooses the arguments
    if path not in tasks:
        raise TaskNotFound(path, known=tasks)
    return tasks[path]


def run_now(
    path: str,
    *,
    module: str = "",
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> JobRow:
    """Enqueue a job of a task now, scheduled or not; `module` says whose, for a task that every module has.

    Where an equal job of its dedupe key waits already, that one is returned. Raises TaskNotFound, TypeError or
    ValueError for arguments that the task does not take.
    """
    owner = owner_of(path, module=module)
    with steering(owner):
        task = found_task(owner, path)
        _require_fitting(task, args, kwargs or {})
        result = task.enqueue(*args, **kwargs or {})
        logger.info("job %s of %s was enqueued by hand: %s", result.id, owner, path)
        return JobRow(**_shown(owner, _found(owner, int(result.id))))


def replay(module: str, job_id: int) -> JobRow:
    """Let a job that ended run again, with all of its attempts; its errors stay.

    Raises JobNotFound, JobNotSteerable for one that has not ended, whose function is gone, whose equal waits or whose
    message was handled.
    """
    with steering(module):
        job = _found(module, job_id)
        if not has_function(module, job.task):
            raise JobNotSteerable(
                f"{module}/{job_id} is of {job.task}, which this process does not have: nothing would run it. "
                f"Deploy the function again, or discard the job."
            )
        if _was_handled(job):
            raise JobNotSteerable(
                f"{module}/{job_id} was handled, and a message is not handled twice. Publish what is to be done again."
            )
        try:
            with atomic():
                replayed = bool(fetch(_REPLAY, id=job_id, module=module))
        except IntegrityError as error:
            raise JobNotSteerable(
                f"{module}/{job_id} has the dedupe key {job.dedupe_key!r}, and an equal job waits already."
            ) from error
        return _moved(module, job_id, moved=replayed, action="replayed", states=_REPLAYABLE)


def discard(module: str, job_id: int) -> JobRow:
    """Give a job up that does not run. Raises JobNotFound, JobNotSteerable."""
    with steering(module):
        with atomic():
            job = _found(module, job_id)
            discarded = bool(fetch(_DISCARD, id=job_id))
            if job.ordered:
                records.lock_order(job.concurrency_key)
                records.unblock_ordered(job.concurrency_key)
        return _moved(module, job_id, moved=discarded, action="discarded", states=_DISCARDABLE)


def switch(path: str, *, on: bool, module: str = "") -> None:
    """Switch a task or subscriber off, or on again: off, its jobs are held wherever they would run, and kept.

    `module` says whose, for a task that every module has. Raises SteeringError.
    """
    owner = owner_of(path, module=module)
    with steering(owner):
        found_task(owner, path)
        records.switch(path, on=on)
        move = records.let_go if on else records.hold
        while move(AT_ONCE):
            pass
        logger.warning("%s of %s was switched %s by hand", path, owner, "on" if on else "off")


def switched_off(module: str) -> list[str]:
    """Return the tasks and subscribers of a module that are switched off."""
    with steering(module):
        return records.switched_off()


def purge(
    module: str, *, older_than: timedelta, dead: bool = False, task: str = "", budget_s: float = 3600.0
) -> int:
    """Delete jobs that ended longer ago than that, dead letters only if `dead`; return how many."""
    statuses = (*ENDED, *DEAD) if dead else ENDED
    with steering(module):
        return forget(
            statuses, keep_s=older_than.total_seconds(), until=monotonic() + budget_s, task_path=task
        )


def has_function(module: str, path: str) -> bool:
    """Say whether this process can run the task of a dotted name as `module`."""
    return registry.belongs_to(path, module) and registry.find(path) is not None


def _was_handled(job: Job) -> bool:
    return job.message_id is not None and job.status == Job.Status.SUCCEEDED


def _require_fitting(task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    try:
        task.bound(args, kwargs)
    except TypeError as error:
        raise TypeError(f"{task.module_path} does not take these arguments: {error}") from None


def _moved(module: str, job_id: int, *, moved: bool, action: str, states: Sequence[Job.Status]) -> JobRow:
    job = _found(module, job_id)
    if not moved:
        raise JobNotSteerable(
            f"{module}/{job_id} is {job.status}; only a job that is {', '.join(states)} can be {action}."
        )
    logger.info("job %s of %s was %s by hand: %s", job_id, module, action, job.task)
    return JobRow(**_shown(module, job))


def _found(module: str, job_id: int) -> Job:
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise JobNotFound(module, job_id)
    return job


def _shown(module: str, job: Job) -> dict[str, Any]:
    return {
        "module": module,
        "id": job.pk,
        "task": job.task,
        "status": str(job.status),
        "attempts": len(job.workers),
        "priority": job.priority,
        "schedule": job.schedule,
        "enqueued_at": job.enqueued_at,
        "due_at": job.due_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "error": job.errors[-1]["type"] if job.errors else "",
    }
