"""What agents can see of jobs and schedules in all modules, and do to them once a person has confirmed it.

What jobs were given and what their errors say is not told: it may be anybody's. Each thing that is done is recorded
with the token that asked for it. Jobs of all tenants stand side by side, so a tenant's token sees none of them.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from apps.scheduler import queries, services
from apps.scheduler.tool_schemas import (
    AfterSeconds,
    AttemptFailed,
    DeadLetterPage,
    DeadLetterShown,
    Everywhere,
    FullJob,
    JobName,
    JobPage,
    JobShown,
    ModuleName,
    OrphanPage,
    RunPage,
    SchedulePage,
    ScheduleShown,
    Steered,
    StuckPage,
    StuckShown,
    TaskName,
)
from monolith.contracts import UtcDatetime, call_scope
from monolith.events import steering as messages
from monolith.events.rows import DeadLetter
from monolith.jobs import steering, steering_schedules
from monolith.jobs.messages import Outcome
from monolith.jobs.rows import JobRow, StuckJob
from monolith.jobs.steering_errors import JobNotFound, SteeringError
from monolith.models import Job
from monolith.tools import Tag, tool
from monolith.tools.errors import ToolRefused
from monolith.tools.pages import (
    After,
    Limit,
    cursor_of,
    cursor_values,
    filled,
    listed,
    no_cursor,
    page_of,
    shown,
)
from monolith.tools.refusals import Advice, refusing

_ADVICE: Final[Advice] = {JobNotFound: "scheduler_list_jobs lists those there are; old ones are forgotten."}


@tool(tag=Tag.READ, from_users=False)
def list_jobs(
    *,
    module: ModuleName | None = None,
    status: Job.Status | None = None,
    task: TaskName | None = None,
    since: UtcDatetime | None = None,
    limit: Limit = 20,
    after: After = "",
) -> JobPage:
    """List the newest jobs of one module or of all; `since` keeps those enqueued then or later."""

    _require_oversight()

    def read(name: str, before: int | None) -> Iterable[JobRow]:
        return steering.list_jobs(name, status=status, task=task, since=since, before=before, limit=limit + 1)

    with refusing(SteeringError):
        rows, seen, unreachable = queries.merged(
            read, module=module, before=_seen(after), at=lambda row: row.enqueued_at, limit=limit
        )
    return _everywhere(JobPage, [_job(row) for row in rows], seen, unreachable)


@tool(tag=Tag.READ, from_users=False)
def get_job(*, job: JobName) -> FullJob:
    """Return one job (`stars/12`): where it stands, how its attempts failed, and what can be done with it."""
    _require_oversight()
    module, number = _named(job)
    with refusing(SteeringError, advice=_ADVICE):
        found = steering.show_job(module, number)
    failures = [AttemptFailed(type=each.get("type", ""), at=each.get("at", "")) for each in found.errors]
    names = ("has_function", "can_replay", "can_discard", "queue")
    return FullJob(
        **_job(found).model_dump(), **{name: getattr(found, name) for name in names}, failures=failures
    )


@tool(tag=Tag.READ, from_users=False)
def list_stuck_jobs(
    *,
    module: ModuleName | None = None,
    overdue_s: AfterSeconds = 300,
    limit: Limit = 20,
    after: After = "",
) -> StuckPage:
    """List jobs that run past their lease, were due for `overdue_s` seconds, or that nothing blocks any more."""

    _require_oversight()

    def read(name: str) -> Iterable[StuckJob]:
        return steering.stuck_jobs(name, after=timedelta(seconds=overdue_s), limit=steering.MAX_LISTED)

    found = _gathered(read, module)
    items = [
        StuckShown(job=each.job.reference, task=each.job.task, reason=each.reason, since=each.since)
        for each in found.found
    ]
    return _listed(
        StuckPage, items, found, key=lambda each: (each.since.isoformat(), each.job), after=after, limit=limit
    )


@tool(tag=Tag.READ, from_users=False)
def list_orphans(*, module: ModuleName | None = None, limit: Limit = 20, after: After = "") -> OrphanPage:
    """List jobs and schedules whose task this process does not have: nothing runs them."""
    _require_oversight()
    found = _gathered(steering_schedules.orphans, module)
    return _listed(
        OrphanPage,
        found.found,
        found,
        key=lambda each: (each.module, each.kind, each.task),
        after=after,
        limit=limit,
    )


@tool(tag=Tag.READ, from_users=False)
def list_dead_letters(
    *,
    module: ModuleName | None = None,
    subscriber: TaskName | None = None,
    type: TaskName | None = None,  # noqa: A002 - what it is called in the list
    limit: Limit = 20,
    after: After = "",
) -> DeadLetterPage:
    """List messages that subscribers gave up on, newest first; those of the same key wait behind them."""

    _require_oversight()

    def read(name: str, before: int | None) -> Iterable[DeadLetter]:
        return messages.dead_letters(
            name, subscriber=subscriber or "", type_name=type or "", before=before, limit=limit + 1
        )

    with refusing(SteeringError):
        rows, seen, unreachable = queries.merged(
            read, module=module, before=_seen(after), at=lambda row: row.died_at, limit=limit
        )
    items = [
        DeadLetterShown(
            job=row.reference,
            subscriber=row.subscriber,
            type=row.type,
            followers=row.followers,
            attempts=row.attempts,
            error=row.error,
            died_at=row.died_at,
        )
        for row in rows
    ]
    return _everywhere(DeadLetterPage, items, seen, unreachable)


@tool(tag=Tag.READ, from_users=False)
def list_schedules(*, module: ModuleName | None = None, limit: Limit = 50, after: After = "") -> SchedulePage:
    """List which tasks are due by themselves, when next, and whether that is switched off."""
    found = _gathered(steering_schedules.list_schedules, module)
    return _listed(
        SchedulePage, found.found, found, key=lambda each: (each.module, each.name), after=after, limit=limit
    )


@tool(tag=Tag.READ, from_users=False)
def list_runs(
    *,
    module: ModuleName | None = None,
    task: TaskName | None = None,
    outcome: Outcome | None = None,
    limit: Limit = 20,
    after: After = "",
) -> RunPage:
    """List how scheduled tasks ended, newest first, and dead letters; also of modules that are away now."""
    _require_oversight()
    found = queries.runs(module=module, task=task, outcome=outcome)
    return page_of(RunPage, found, order=("-finished_at", "-id"), after=after, limit=limit)


@tool(tag=Tag.RESTRICTED, from_users=False)
def replay_job(*, job: JobName) -> Steered:
    """Let a job that ended run again with all of its attempts, or a dead letter be handled."""
    _require_oversight()
    module, number = _named(job)
    with refusing(SteeringError, advice=_ADVICE):
        return _steered(services.replay(module=module, job=number, by=call_scope().actor))


@tool(tag=Tag.RESTRICTED, from_users=False)
def discard_job(*, job: JobName) -> Steered:
    """Give a job up that does not run; what waits behind it goes on."""
    _require_oversight()
    module, number = _named(job)
    with refusing(SteeringError, advice=_ADVICE):
        return _steered(services.discard(module=module, job=number, by=call_scope().actor))


@tool(tag=Tag.RESTRICTED, from_users=False)
def switch_schedule(*, module: ModuleName, name: TaskName, enabled: bool) -> ScheduleShown:
    """Let a schedule fire, or keep it from firing; what passed meanwhile was not missed."""
    _require_oversight()
    with refusing(SteeringError):
        row = services.set_enabled(module=module, name=name, enabled=enabled, by=call_scope().actor)
    return shown(ScheduleShown, row)


def _require_oversight() -> None:
    if call_scope().tenant:
        raise ToolRefused("Jobs of all tenants are for tokens that are made for no tenant.")


def _gathered(read: Any, module: str | None) -> steering.Gathered[Any]:
    with refusing(SteeringError):
        return steering.gather(read, None if module is None else [module])


def _listed[P: Everywhere](
    page: type[P], rows: Iterable[Any], found: steering.Gathered[Any], *, key: Any, after: str, limit: int
) -> P:
    return listed(page, rows, key=key, after=after, limit=limit, **_places(list(found.unreachable)))


def _everywhere[P: Everywhere](
    page: type[P], items: list[Any], seen: Mapping[str, int], unreachable: list[str]
) -> P:
    places = ",".join(f"{name}/{number}" for name, number in sorted(seen.items()))
    return filled(page, items=items, next=cursor_of([places]) if seen else "", **_places(unreachable))


def _places(unreachable: list[str]) -> dict[str, list[str]]:
    return {"unreachable": unreachable, "elsewhere": list(steering.modules_elsewhere())}


def _seen(after: str) -> dict[str, int]:
    """Return the last job seen of each module."""
    if not after:
        return {}
    (places,) = cursor_values(after, 1)
    seen: dict[str, int] = {}
    for place in places.split(","):
        name, _, number = place.partition("/")
        if not (number.isascii() and number.isdigit() and len(number) <= 18):
            raise no_cursor()
        seen[name] = int(number)
    return seen


def _named(job: str) -> tuple[str, int]:
    module, _, number = job.partition("/")
    return module, int(number)


def _job(row: JobRow) -> JobShown:
    names = [name for name in JobShown.model_fields if name != "job"]
    return filled(JobShown, job=row.reference, **{name: getattr(row, name) for name in names})


def _steered(row: JobRow) -> Steered:
    return filled(Steered, job=row.reference, task=row.task, status=row.status)
