"""Jobs in a test: what is due runs in the test's process, as a worker would run it, and time passes on demand.

    def test_a_walk_is_announced(jobs):
        tasks.announce.enqueue(slug="helvellyn")
        (run,) = jobs.run_due()
        assert run.result == 3

Each job runs as its module, in its own transaction where its task has one, is tried again after its pause and dies
after its last attempt. Limits of time and memory are the worker process's business and do not hold here.

While `jobs` is in use the clock of PostgreSQL's functions (`now()`, `clock_timestamp()`) is that of the test's process
in every statement sent from its thread, so that both agree also after `travel`. What the server fills in by itself
(`db_default`) keeps the real time.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.db import IntegrityError, connections

from monolith.composition import composed
from monolith.context import current_module, entering
from monolith.jobs import records, registry, schedules, steering
from monolith.jobs.records import Claimed
from monolith.jobs.rows import JobDetails
from monolith.jobs.runner import Attempt, run
from monolith.jobs.task import AnyTask
from monolith.models import Job
from monolith.module import PLATFORM
from monolith.transactions import atomic

WORKER: Final = "test"
MAX_RUNS: Final = 1000  # of one run_due(): more are jobs that enqueue each other without end
MISSING_PAUSE_S: Final = 60.0
_AT_ONCE: Final = 500
_CLOCK: Final = re.compile(
    r"\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp)\(\)|\bCURRENT_TIMESTAMP\b",
    re.IGNORECASE,
)


class NeverQuiet(AssertionError):
    """Jobs enqueue each other without end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt of one job."""

    module: str
    id: int
    task: str
    status: str  # succeeded; after a failure waiting for the next attempt, or dead
    result: Any
    error: BaseException | None


class Jobs:
    """The jobs of every module of the test's process."""

    def __init__(self) -> None:
        self._traveling = ExitStack()

    def run_due(self, *, raising: bool = True) -> list[Run]:
        """Run what is due, and what that enqueues, until nothing is due; returns the attempts in their order.

        Raises what a function raises, unless `raising` is false; NeverQuiet after MAX_RUNS.
        """
        runs: list[Run] = []
        while found := [run for module in composed().modules for run in self._run_module(module, raising)]:
            runs += found
            if len(runs) > MAX_RUNS:
                tasks = sorted({run.task for run in runs})
                raise NeverQuiet(f"{len(runs)} jobs ran and more are due, of {', '.join(tasks)}")
        return runs

    def run_for(self, *, raising: bool = True, **span: float) -> list[Run]:
        """Let time pass while a worker runs: `run_for(hours=6)` runs each job when it is due."""
        until = datetime.now(UTC) + timedelta(**span)
        runs = self.run_due(raising=raising)
        while (seconds := self.seconds_to_next()) is not None:
            due = datetime.now(UTC) + timedelta(seconds=seconds)
            if due > until:
                break
            self.travel(to=max(due, datetime.now(UTC)))
            runs += self.run_due(raising=raising)
        self.travel(to=until)
        return runs

    def travel(self, *, to: datetime | None = None, **span: float) -> None:
        """Let time pass while no worker runs: `travel(hours=6)`, or `travel(to=…)` a moment. Needs time-machine."""
        try:
            import time_machine
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "jobs.travel() moves the clock with time-machine; install it"
            ) from error
        moment = to or datetime.now(UTC) + timedelta(**span)
        self._traveling.close()
        self._traveling.enter_context(time_machine.travel(moment, tick=True))

    def deploy(self, *modules: str) -> None:
        """Bring the schedules of modules to what their tasks declare, as a deployment does; they fire from then on."""
        for module in modules:
            schedules.upsert(module)

    def enqueued(self, task: AnyTask | str, *, module: str = "") -> list[JobDetails]:
        """Return a task's jobs that have not ended, oldest first; `module` says whose, if every module has the task."""
        path = task if isinstance(task, str) else task.module_path
        owner = module or registry.owner_of(path) or current_module()
        with entering(PLATFORM):
            jobs = steering.list_jobs(owner, task=path, limit=steering.MAX_LISTED)
            return [steering.show_job(owner, job.id) for job in jobs[::-1] if job.finished_at is None]

    def _run_module(self, module: str, raising: bool) -> Iterator[Run]:  # noqa: FBT001 - passed on as it came
        with entering(module):
            schedules.fire(module)
            records.promote(_AT_ONCE)
            records.unblock_free()
            records.unblock_ordered_free()
            claimed = records.claim(module, limit=_AT_ONCE, heavy=True)
            records.give_back(claimed[1:])  # the first may change what is most urgent
            for job in claimed[:1]:
                yield from self._run_job(job, raising)

    def _run_job(self, job: Claimed, raising: bool) -> Iterator[Run]:  # noqa: FBT001
        task = registry.find(job.task)
        if task is None:
            records.postpone(job, pause_s=MISSING_PAUSE_S)
            raise LookupError(f"job {job.module}/{job.id} is of {job.task}, which is not in this process")
        try:
            with atomic():
                started = records.start(job, lease_s=task.lease_seconds, worker=WORKER)
        except IntegrityError:  # another job of its concurrency key runs
            records.block(job)
            started = False
        if not started:
            return
        error = run(Attempt(job, task, WORKER))
        if error is not None and raising:
            error.add_note(f"raised by job {job.module}/{job.id} of {job.task}")
            raise error
        row = Job.objects.get(pk=job.id)
        yield Run(
            module=job.module, id=job.id, task=job.task, status=row.status, result=row.result, error=error
        )

    def seconds_to_next(self) -> float | None:
        """Return how long it is until a job or a schedule is due that is not yet; None when none is."""
        seconds = []
        for module in composed().modules:
            with entering(module):
                seconds += [records.next_due_s(), schedules.seconds_to_next(module)]
        ahead = [each for each in seconds if each is not None]
        return min(ahead, default=None)


@contextmanager
def jobs_in_test() -> Iterator[Jobs]:
    """Return what the fixture `jobs` is, for tests that have no fixtures."""
    found = Jobs()
    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(_follow_clock))
        try:
            yield found
        finally:
            found._traveling.close()


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """The jobs of every module, to be run in the test's process."""
    with jobs_in_test() as found:
        yield found


def _follow_clock(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
    if isinstance(sql, str):
        sql = _CLOCK.sub(f"'{datetime.now(UTC).isoformat()}'::timestamptz", sql)
    return execute(sql, params, many, context)
