"""What is asked of all modules at once. Runs as scheduler; the framework asks each module on its own connection."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from heapq import merge
from typing import Any

from django.db.models import QuerySet

from apps.scheduler.models import Run
from monolith.events import steering as messages
from monolith.events.rows import DeadLetter, MessageDetails
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


def merged[R: (JobRow, DeadLetter)](
    read: Callable[[str, int | None], Iterable[R]],
    *,
    module: str | None,
    before: Mapping[str, int],
    at: Callable[[R], datetime],
    limit: int,
) -> tuple[list[R], dict[str, int], list[str]]:
    """Return the newest rows of all modules after those seen, what is seen then, and the modules that are out of reach.

    `before` is the id of the last row seen of each module. What is seen then is empty when there is no more.
    """
    names = steering.modules_here() if module is None else [module]
    found: dict[str, list[R]] = {}
    for name in names:
        gathered = steering.gather(lambda each: read(each, before.get(each)), [name])
        found[name] = gathered.found
        if gathered.unreachable:
            del found[name]
    # Each module's rows stay in the order of their ids, whatever their times say: so the last one shown is a place.
    newest = list(merge(*found.values(), key=at, reverse=True))
    seen = dict(before)
    for row in newest[:limit]:
        seen[row.module] = row.id
    return newest[:limit], seen if len(newest) > limit else {}, [name for name in names if name not in found]


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
