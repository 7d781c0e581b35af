"""The HTTP face of scheduler, for staff. What is done to jobs, and what is in them, takes a permission."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.http import HttpRequest
from ninja import Path, Query, Router, Status

from apps.scheduler import queries, services
from apps.scheduler.models import SteeringAction
from apps.scheduler.schemas import (
    ActionPage,
    CountList,
    DeadLetterFilter,
    DeadLetterList,
    Id,
    JobDetailsOut,
    JobFilter,
    JobList,
    JobOut,
    LastRunList,
    LeaseList,
    ModuleFilter,
    ModuleName,
    NewRun,
    OrphanList,
    Paging,
    RunFilter,
    RunPage,
    ScheduleList,
    ScheduleOut,
    StuckFilter,
    StuckList,
    TaskName,
)
from monolith.events import steering as messages
from monolith.http.permissions import require_permission
from monolith.http.problems import Problem, ProblemSchema, field_error
from monolith.jobs import steering, steering_schedules
from monolith.jobs.steering_errors import JobNotSteerable, ModuleElsewhere, SteeringError

private = Router()

VIEW: Final = "scheduler.view_job"
STEER: Final = "scheduler.steer_job"
_STEERED: Final = {200: JobOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema}
_LISTED: Final = {404: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema}


@private.get("/jobs", response={200: JobList, **_LISTED}, summary="Jobs of all modules")
def list_jobs(request: HttpRequest, wanted: Query[JobFilter]) -> Any:
    """The newest jobs, of one module or of all. `before` pages through those of one module."""
    if wanted.before is not None and wanted.module is None:
        detail = "Ids count within a module: say of which one."
        raise Problem(422, "The request is not valid", errors=[field_error("query", "module", detail=detail)])
    with _problems():
        return queries.newest_jobs(**wanted.model_dump())


@private.post(
    "/jobs",
    response={
        201: JobOut,
        403: ProblemSchema,
        404: ProblemSchema,
        409: ProblemSchema,
        422: ProblemSchema,
    },
    summary="Run a task now",
)
def run_now(request: HttpRequest, new: NewRun) -> Any:
    """Enqueue a job; where an equal one of its dedupe key waits already, that is the answer."""
    by = require_permission(request, STEER)
    asked: dict[str, Any] = {
        "task": new.task,
        "module": new.module or "",
        "args": new.args,
        "kwargs": new.kwargs,
    }
    with _problems():
        try:
            return Status(201, services.run_now(by=by, **asked))
        except (TypeError, ValueError) as error:  # not what the task takes
            errors = [field_error("body", "kwargs", detail=str(error))]
            raise Problem(422, "The request is not valid", errors=errors) from error


@private.get(
    "/jobs/{module}/{job}",
    response={200: JobDetailsOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="One job",
)
def show_job(request: HttpRequest, module: Path[ModuleName], job: Path[Id]) -> Any:
    """Arguments, errors and workers of a job."""
    require_permission(request, VIEW)
    with _problems():
        return steering.show_job(module, job)


@private.post("/jobs/{module}/{job}/replay", response=_STEERED, summary="Replay a job")
def replay(request: HttpRequest, module: Path[ModuleName], job: Path[Id]) -> Any:
    """Let a job that ended run again, with all of its attempts."""
    by = require_permission(request, STEER)
    with _problems():
        return services.replay(module=module, job=job, by=by)


@private.post("/jobs/{module}/{job}/discard", response=_STEERED, summary="Discard a job")
def discard(request: HttpRequest, module: Path[ModuleName], job: Path[Id]) -> Any:
    """Give a job up that does not run."""
    by = require_permission(request, STEER)
    with _problems():
        return services.discard(module=module, job=job, by=by)


@private.get("/counts", response={200: CountList, **_LISTED}, summary="How many jobs there are")
def count_jobs(request: HttpRequest, wanted: Query[ModuleFilter]) -> Any:
    """Jobs by module, task and status."""
    with _problems():
        return queries.everywhere(steering.count_jobs, wanted.module)


@private.get("/stuck", response={200: StuckList, **_LISTED}, summary="Stuck jobs")
def list_stuck(request: HttpRequest, wanted: Query[StuckFilter]) -> Any:
    """Jobs that run past their lease, that were due for long, or that nothing blocks any more."""
    read = partial(steering.stuck_jobs, after=timedelta(seconds=wanted.after_s), limit=wanted.limit)
    with _problems():
        return queries.everywhere(read, wanted.module)


@private.get("/dead-letters", response={200: DeadLetterList, **_LISTED}, summary="Dead letters")
def list_dead_letters(request: HttpRequest, wanted: Query[DeadLetterFilter]) -> Any:
    """Messages that could not be handled, and how many wait behind each that parks its key."""
    read = partial(
        messages.dead_letters,
        subscriber=wanted.subscriber or "",
        type_name=wanted.type or "",
        limit=wanted.limit,
    )
    with _problems():
        return queries.everywhere(read, wanted.module)


@private.get("/orphans", response={200: OrphanList, **_LISTED}, summary="Orphaned jobs and schedules")
def list_orphans(request: HttpRequest, wanted: Query[ModuleFilter]) -> Any:
    """Jobs that have not ended and schedules whose function is gone; only a command removes them."""
    with _problems():
        return queries.everywhere(steering_schedules.orphans, wanted.module)


@private.get("/schedules", response={200: ScheduleList, **_LISTED}, summary="Schedules")
def list_schedules(request: HttpRequest, wanted: Query[ModuleFilter]) -> Any:
    """When tasks are due by themselves."""
    with _problems():
        return queries.everywhere(steering_schedules.list_schedules, wanted.module)


@private.post(
    "/schedules/{module}/{name}/enable",
    response={200: ScheduleOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="Enable a schedule",
)
def enable(request: HttpRequest, module: Path[ModuleName], name: Path[TaskName]) -> Any:
    """Let a schedule fire again; what passed meanwhile was not missed."""
    by = require_permission(request, STEER)
    with _problems():
        return services.set_enabled(module=module, name=name, enabled=True, by=by)


@private.post(
    "/schedules/{module}/{name}/disable",
    response={200: ScheduleOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="Disable a schedule",
)
def disable(request: HttpRequest, module: Path[ModuleName], name: Path[TaskName]) -> Any:
    """Keep a schedule from firing."""
    by = require_permission(request, STEER)
    with _problems():
        return services.set_enabled(module=module, name=name, enabled=False, by=by)


@private.get("/leases", response={200: LeaseList, **_LISTED}, summary="Leaders of singletons")
def list_leases(request: HttpRequest, wanted: Query[ModuleFilter]) -> Any:
    """Who leads what."""
    with _problems():
        return queries.everywhere(steering_schedules.list_leases, wanted.module)


@private.get("/runs", response={200: RunPage}, summary="How jobs ended")
def list_runs(request: HttpRequest, wanted: Query[RunFilter]) -> Any:
    """The last runs of tasks that have a schedule, and dead letters, as modules told; newest first."""
    runs = queries.runs(module=wanted.module, task=wanted.task, outcome=wanted.outcome)
    return {
        "total": runs.count(),
        "limit": wanted.limit,
        "offset": wanted.offset,
        "items": list(runs[wanted.offset : wanted.offset + wanted.limit]),
    }


@private.get("/last-runs", response={200: LastRunList}, summary="The last run of each task")
def list_last_runs(request: HttpRequest, wanted: Query[ModuleFilter]) -> Any:
    """How long ago each task that has a schedule ended, and how, also where its module is away now."""
    return {"items": queries.last_runs(wanted.module)}


@private.get("/actions", response={200: ActionPage}, summary="What was done by hand")
def list_actions(request: HttpRequest, wanted: Query[Paging]) -> Any:
    """Who steered what, newest first."""
    actions = SteeringAction.objects.all()
    return {
        "total": actions.count(),
        "limit": wanted.limit,
        "offset": wanted.offset,
        "items": list(actions[wanted.offset : wanted.offset + wanted.limit]),
    }


@contextmanager
def _problems() -> Iterator[None]:
    """Translate what steering raises."""
    try:
        yield
    except ModuleElsewhere as error:
        raise Problem(409, "Module elsewhere", detail=str(error), type="module-elsewhere") from error
    except JobNotSteerable as error:
        raise Problem(409, "Job not steerable", detail=str(error), type="job-not-steerable") from error
    except SteeringError as error:
        raise Problem(404, "Not found", detail=str(error), type="not-found") from error
