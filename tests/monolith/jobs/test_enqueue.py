"""Enqueuing: a job is a row of the task's module and shares the fate of its transaction."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django_q.tasks import async_task

from monolith import BoundaryViolation, atomic, entering
from monolith.jobs import records
from monolith.models import Job
from tests.monolith.jobs.toy import Toy

pytestmark = pytest.mark.django_db(databases="__all__")


def note(text: str = "", **more: Any) -> None:
    """Do nothing; the tests here look at rows."""


def test_a_job_keeps_task_arguments_and_options(toy: Toy) -> None:
    result = toy(note, priority=7, heavy=True).enqueue("Ålesund", depth=[1, None])

    job = Job.objects.get(pk=result.id)
    assert job.task == "apps.hikes.tasks.note"
    assert job.arguments == {"args": ["Ålesund"], "kwargs": {"depth": [1, None]}}
    assert (job.priority, job.heavy, job.status, job.workers, job.fence) == (7, True, "ready", [], 0)
    assert result.status is TaskResultStatus.READY


def test_a_job_vanishes_with_its_transaction(toy: Toy) -> None:
    task = toy(note)
    with suppress(LookupError), atomic():
        task.enqueue()
        assert Job.objects.count() == 1
        raise LookupError
    assert Job.objects.count() == 0


def test_a_later_job_waits_for_its_time(toy: Toy) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    job = Job.objects.get(pk=toy(note).using(run_after=later).enqueue().id)
    assert (job.status, job.due_at) == ("waiting", later)
    assert records.claim("hikes", limit=5, heavy=True) == []


def test_a_module_enqueues_its_own_tasks_alone(toy: Toy) -> None:
    task = toy(note)
    with (
        entering("ships"),
        pytest.raises(BoundaryViolation, match=r"'ships' reached for 'hikes': its task .*note"),
    ):
        task.enqueue()
    with entering("platform"), pytest.raises(BoundaryViolation):
        task.enqueue()


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        (object(), "takes JSON alone"),
        (float("nan"), "takes JSON alone"),
        ("\0", "NUL"),
        ({1}, "takes JSON alone"),
    ],
)
def test_arguments_are_json(toy: Toy, argument: object, complaint: str) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint):
        toy(note).enqueue(argument)
    assert Job.objects.count() == 0


def test_a_job_of_a_dedupe_key_is_kept_once_until_it_starts(toy: Toy) -> None:
    task = toy(note, dedupe_key="note:{text}")
    first = task.enqueue("a")
    assert task.enqueue("a").id == first.id
    assert task.enqueue("b").id != first.id

    (job, _) = records.claim("hikes", limit=5, heavy=True)
    assert task.enqueue("a").id == first.id
    assert records.start(job, lease_s=5, worker="w")
    assert task.enqueue("a").id != first.id


def test_a_waiting_job_is_brought_forward_by_its_equal(toy: Toy) -> None:
    task = toy(note, dedupe_key="note")
    later = task.using(run_after=datetime.now(UTC) + timedelta(hours=1)).enqueue()
    assert task.using(run_after=datetime.now(UTC) + timedelta(hours=2)).enqueue().id == later.id
    assert Job.objects.get().status == "waiting"

    assert task.enqueue().id == later.id
    assert Job.objects.get().status == "ready"
    assert [job.id for job in records.claim("hikes", limit=5, heavy=True)] == [int(later.id)]


def test_what_django_q_queues_lands_in_the_same_rows(toy: Toy) -> None:
    toy(note)
    async_task("apps.hikes.tasks.note", "from q", depth=2)
    job = Job.objects.get()
    assert (job.task, job.arguments) == (
        "apps.hikes.tasks.note",
        {"args": ["from q"], "kwargs": {"depth": 2}},
    )


def test_options_of_django_q_without_meaning_are_refused(toy: Toy) -> None:
    toy(note)
    with pytest.raises(ValueError, match="hook has no meaning here"):
        async_task("apps.hikes.tasks.note", hook="apps.hikes.tasks.note")


def test_a_result_is_found_again(toy: Toy) -> None:
    task = toy(note)
    result = task.get_result(task.enqueue("again").id)
    assert (result.args, result.status, result.attempts) == (["again"], TaskResultStatus.READY, 0)
