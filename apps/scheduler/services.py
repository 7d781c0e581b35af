"""What can be done to the jobs of all modules. Runs as scheduler; the framework enters the module that it is about.

Each action is recorded before it is done and again with its outcome, so what was tried is known also after a crash.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Final

from apps.scheduler.models import Run, SteeringAction, Verb
from monolith import connection
from monolith.contracts import acting
from monolith.events import inbox
from monolith.events import steering as messages
from monolith.jobs import JobFinished, steering, steering_schedules
from monolith.jobs.rows import JobDetails, JobRow, ScheduleRow

DONE: Final = "done"
MAX_OUTCOME: Final = 500
KEEP_RUNS: Final = 100  # of each task of each module; between two clean-ups there are some more
KEEP_RUNS_DAYS: Final = 30
_FORGET_RUNS: Final = (files("apps.scheduler") / "sql" / "forget_runs.sql").read_text(encoding="utf-8")


def run_now(
    *, task: str, by: str, module: str = "", args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> JobRow:
    """Enqueue a job of any task. Raises SteeringError, and TypeError or ValueError for wrong arguments."""
    owner = steering.owner_of(task, module=module)
    with _recorded(Verb.RUN, by=by, module=owner, task=task) as action, acting(actor=by):
        job = steering.run_now(task, module=owner, args=args, kwargs=kwargs)
        action.job = job.id
    return job


def run_schedule_now(*, task: str, by: str, module: str = "") -> JobRow:
    """Enqueue a job of a task that has a schedule. Raises SteeringError."""
    owner = steering.owner_of(task, module=module)
    with _recorded(Verb.RUN, by=by, module=owner, task=task) as action, acting(actor=by):
        job = steering_schedules.run_schedule_now(owner, task)
        action.job = job.id
    return job


def may_replay(job: JobDetails) -> bool:
    """Say whether replay() would let a job run again, or give its message to who subscribes now."""
    if job.task == inbox.NOBODY:
        return job.status == "dead"
    return job.can_replay


def replay(*, module: str, job: int, by: str) -> JobRow:
    """Let a job that ended run again, or give a message that nobody got to its subscribers. Raises SteeringError."""
    with _recorded(Verb.REPLAY, by=by, module=module, job=job) as action:
        row = messages.replay(module, job)
        action.task = row.task
    return row


def discard(*, module: str, job: int, by: str) -> JobRow:
    """Give a job up that does not run. Raises SteeringError."""
    with _recorded(Verb.DISCARD, by=by, module=module, job=job) as action:
        row = steering.discard(module, job)
        action.task = row.task
    return row


def set_enabled(*, module: str, name: str, enabled: bool, by: str) -> ScheduleRow:
    """Let a schedule fire, or keep it from firing. Raises SteeringError."""
    verb = Verb.ENABLE if enabled else Verb.DISABLE
    with _recorded(verb, by=by, module=module, task=name):
        return steering_schedules.set_enabled(module, name, enabled=enabled)


def note_end(event: JobFinished) -> None:
    """Keep how a job ended, as its module told."""
    Run.objects.create(**event.model_dump())


def forget_runs() -> int:
    """Delete all but the last KEEP_RUNS runs of each task, and what is older than KEEP_RUNS_DAYS; returns how many."""
    with connection().cursor() as cursor:
        cursor.execute(_FORGET_RUNS, {"days": KEEP_RUNS_DAYS, "newest": KEEP_RUNS})
        return int(cursor.rowcount)


@contextmanager
def _recorded(verb: Verb, *, by: str, module: str, **fields: Any) -> Iterator[SteeringAction]:
    action = SteeringAction.objects.create(verb=verb, by=by, module=module, **fields)
    try:
        yield action
    except Exception as error:
        action.outcome = f"{type(error).__name__}: {error}"[:MAX_OUTCOME].replace("\0", "")
        raise
    else:
        action.outcome = DONE
    finally:
        action.save(update_fields=["outcome", "task", "job"])
