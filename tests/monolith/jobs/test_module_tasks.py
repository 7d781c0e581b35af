"""Every task of every module ends well as a job: in its own transaction or in none, with a result that is JSON."""

from inspect import Parameter, signature

import pytest

from apps.hikes.geometry import Point
from apps.hikes.gpx import write_gpx
from apps.hikes.services import upload_walk
from monolith import composed, entering
from monolith.events import Subscriber
from monolith.jobs import records
from monolith.jobs.registry import find, owner_of, tasks
from monolith.jobs.runner import Attempt, run
from monolith.models import Job

OF_MODULES = sorted(
    path
    for path, task in tasks().items()
    if owner_of(path) in composed().modules and not isinstance(task, Subscriber)
)


def needs_arguments(path: str) -> bool:
    """Say whether a task is enqueued about something: its module's own tests run it."""
    task = find(path)
    assert task is not None
    return any(each.default is Parameter.empty for each in signature(task.func).parameters.values())


def done(path: str) -> Job:
    """Enqueue a job of a task, run it as a worker does, and return its row."""
    task, module = find(path), owner_of(path)
    assert task is not None
    assert module is not None
    with entering(module):
        task.enqueue()
        (job,) = records.claim(module, limit=1, heavy=True)
        assert records.start(job, lease_s=task.lease_seconds, worker="test")

    assert run(Attempt(job, task, "test")) is None

    with entering(module):
        return Job.objects.get(pk=job.id)


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("path", [path for path in OF_MODULES if not needs_arguments(path)])
def test_a_task_succeeds_on_a_system_without_data(path: str) -> None:
    row = done(path)

    assert (row.status, row.errors) == ("succeeded", [])
    assert row.result is not None


@pytest.mark.usefixtures("committed_db")
def test_a_job_of_hikes_asks_stars_wherever_that_runs() -> None:
    points = [Point(-3.0, 54.0, 100), Point(-3.0, 54.02, 400)]
    with entering("hikes"):
        upload_walk(data=write_gpx(name="One", description="", points=points), published=True)

    row = done("apps.hikes.tasks.refresh")

    assert row.result == {
        "provider": "fixture",
        "outcomes": {"fetched": 1},
        "windows": 192,
        "problems": {},
    }


def test_every_module_has_tasks() -> None:
    assert {owner_of(path) for path in OF_MODULES} == composed().modules.keys()


@pytest.mark.parametrize("path", OF_MODULES)
def test_a_task_that_is_due_by_itself_never_piles_up(path: str) -> None:
    """A loop that fell behind has one job of it waiting, or runs them one after the other."""
    task = find(path)
    assert task is not None
    assert task.timing is None or task.dedupe_key or task.concurrency_key
