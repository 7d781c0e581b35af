"""What is asked of all modules at once. Runs as scheduler; the framework asks each module on its own connection."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.scheduler.models import Run
from monolith.events import steering as messages
from monolith.events.rows import MessageDetails
from monolith.jobs import steering
from monolith.jobs.rows import JobRow
from monolith.jobs.steering_errors import JobNotSteerable


def everywhere(read: Callable[[str], Iterable[Any]], module: str | None = None) -> dict[str, Any]:
    """Ask one module or all that are here; say which did not answer and which are elsewhere. Raises SteeringError."""
    gathered = steering.gather(read, None if module is None else [module])
    return {
        "items": gathered.found,
        "unreachable": gathered.unreachable,
        "elsewhere": steering.modules_elsewhere(),
    }


def newest_jobs(
    *,
    module: str | None,
    status: str | None,
    task: str | None,
    since: datetime | None,
    before: int | None,
    limit: int,
) -> dict[str, Any]:
    """Return the newest jobs that fit, of one module or of all. Raises SteeringError."""

    def read(name: str) -> list[JobRow]:
        return steering.list_jobs(name, status=status, task=task, since=since, before=before, limit=limit)

    answer = everywhere(read, module)
    if module is None:
        newest = sorted(answer["items"], key=lambda job: (job.enqueued_at, job.module, job.id), reverse=True)
        answer["items"] = newest[:limit]
    return answer


def runs(*, module: str | None, task: str | None, outcome: str | None) -> QuerySet[Run]:
    """Return the runs that fit, newest first."""
    given = {"module": module, "task": task, "outcome": outcome}
    return Run.objects.filter(**{name: value for name, value in given.items() if value is not None})


def last_runs(module: str | None = None) -> list[Run]:
    """Return the newest run of each task of each module, by module and task."""
    return list(
        runs(module=module, task=None, outcome=None)
        .order_by("module", "task", "-finished_at", "-id")
        .distinct("module", "task")
    )


def message_of(module: str, job: int) -> MessageDetails | None:
    """Return the message that a job hands to a subscriber; None for a job without. Raises SteeringError."""
    try:
        return messages.show(module, job)
    except JobNotSteerable:
        return None
