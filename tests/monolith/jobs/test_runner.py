"""Running one claimed job: effects and end together, failures written down, keys let go."""

import asyncio
from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django.tasks.exceptions import InvalidTask
from django_q.exceptions import TimeoutException

from monolith import connection, entering
from monolith.jobs import GiveUp, JobLost, LeaseExpired, Retry, WorkerDied, completing, records
from monolith.jobs.records import Claimed
from monolith.jobs.registry import find, runnable
from monolith.jobs.runner import Attempt, JobNotRunning, fail, lost, run
from monolith.jobs.task import AnyTask
from monolith.models import CommandRecord, Job
from tests.monolith.jobs.toy import MODULE, Toy

pytestmark = pytest.mark.usefixtures("committed_db")


def effect(name: str = "once") -> str:
    """Write a row of the framework's own, which no test looks at otherwise."""
    CommandRecord.objects.create(
        operation=name, caller="", tenant="", key=str(CommandRecord.objects.count()), request_hash=b""
    )
    return name


def effects() -> list[str]:
    return list(CommandRecord.objects.values_list("operation", flat=True))


def claimed(task: AnyTask, *args: Any, start: bool = True) -> Claimed:
    """Enqueue, claim and start a job."""
    task.enqueue(*args)
    (job,) = records.claim(MODULE, limit=1, heavy=True)
    if start:
        assert records.start(job, lease_s=task.lease_seconds, worker="me")
    return job


def attempt(task: AnyTask, job: Claimed) -> Attempt:
    return Attempt(job, task, "me")


def test_a_job_ends_with_its_effects_and_its_result(toy: Toy) -> None:
    task = toy(effect)
    job = claimed(task, "written")

    assert run(attempt(task, job)) is None

    assert effects() == ["written"]
    row = Job.objects.get()
    assert (row.status, row.result, row.workers, row.leased_until) == ("succeeded", "written", ["me"], None)
    assert row.finished_at is not None
    result = task.get_result(str(row.pk))
    assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, "written")


def test_one_that_was_given_away_leaves_no_effect(toy: Toy) -> None:
    task = toy(effect)
    job = claimed(task)
    Job.objects.update(fence=job.fence + 1)  # somebody claimed it when its lease was over

    assert isinstance(run(attempt(task, job)), JobLost)

    assert effects() == []
    row = Job.objects.get()
    assert (row.status, row.errors) == ("running", [])


def test_one_that_raises_leaves_no_effect_and_is_tried_again(toy: Toy) -> None:
    def breaking() -> None:
        effect()
        raise LookupError("no such hill\0")

    task = toy(breaking, retry=Retry(attempts=2, first_s=60))
    job = claimed(task)
    assert isinstance(run(attempt(task, job)), LookupError)
    assert effects() == []
    row = Job.objects.get()
    assert (row.status, row.finished_at, row.leased_until) == ("waiting", None, None)
    assert (row.errors[0]["type"], row.errors[0]["worker"]) == ("builtins.LookupError", "me")
    assert "no such hill\ufffd" in row.errors[0]["traceback"]
    assert row.started_at is not None
    rest = (row.due_at - row.started_at).total_seconds()
    assert 30 <= rest <= 61

    Job.objects.update(status="ready")
    (again,) = records.claim(MODULE, limit=1, heavy=True)
    assert again.attempts == 1
    assert records.start(again, lease_s=5, worker="other")
    run(attempt(task, again))
    row = Job.objects.get()
    assert (row.status, row.workers, len(row.errors)) == ("dead", ["me", "other"], 2)
    assert row.finished_at is not None


@pytest.mark.parametrize("error", [SystemExit("bye"), KeyboardInterrupt(), GeneratorExit()])
def test_whatever_it_raises_is_a_failure(toy: Toy, error: BaseException) -> None:
    def ending() -> None:
        raise error

    task = toy(ending)
    assert run(attempt(task, claimed(task))) is error
    assert Job.objects.get().status == "waiting"


def test_one_that_gives_up_is_a_dead_letter_at_once(toy: Toy) -> None:
    def hopeless() -> None:
        raise GiveUp("the walk was deleted")

    task = toy(hopeless, retry=Retry(attempts=5))

    run(attempt(task, claimed(task)))

    row = Job.objects.get()
    assert (row.status, len(row.workers)) == ("dead", 1)
    assert "the walk was deleted" in row.errors[0]["traceback"]


def test_one_that_took_too_long_is_written_down_over_a_new_connection(toy: Toy) -> None:
    def slow() -> None:
        effect()
        raise TimeoutException("in the middle of a statement")

    task = toy(slow)
    job = claimed(task)
    with pytest.raises(TimeoutException):
        run(attempt(task, job))
    assert effects() == []
    assert Job.objects.get().errors[0]["type"] == "django_q.exceptions.TimeoutException"


def test_results_are_json(toy: Toy) -> None:
    def strange() -> object:
        return object()

    task = toy(strange)
    assert isinstance(run(attempt(task, claimed(task))), TypeError)
    assert "returned what is not JSON" in Job.objects.get().errors[0]["traceback"]


def test_the_commit_that_ends_a_job_starts_the_next(toy: Toy) -> None:
    task = toy(effect)
    job = claimed(task, "first")
    task.enqueue("second")
    (following,) = records.claim(MODULE, limit=1, heavy=True)

    running = attempt(task, job)
    running.following, running.following_lease_s = following, 5
    assert run(running) is None

    assert running.following_started
    assert list(Job.objects.order_by("pk").values_list("status", "workers")) == [
        ("succeeded", ["me"]),
        ("running", ["me"]),
    ]


def test_a_job_that_fails_starts_no_other(toy: Toy) -> None:
    def breaking(text: str) -> None:
        raise ValueError(text)

    task = toy(breaking)
    job = claimed(task, "first")
    task.enqueue("second")
    (following,) = records.claim(MODULE, limit=1, heavy=True)
    running = attempt(task, job)
    running.following, running.following_lease_s = following, 5
    run(running)
    assert not running.following_started
    assert list(Job.objects.order_by("pk").values_list("status", "workers")) == [
        ("waiting", ["me"]),
        ("ready", []),
    ]


def test_without_a_transaction_what_was_written_stays(toy: Toy) -> None:
    def breaking() -> None:
        assert not connection().in_atomic_block
        effect()
        raise ValueError

    task = toy(breaking, transaction=False)
    run(attempt(task, claimed(task)))
    assert effects() == ["once"]


def test_completing_ends_the_job_with_its_last_writes(toy: Toy) -> None:
    def network_first() -> str:
        with completing():
            effect("last")
        return "not kept"

    task = toy(network_first, transaction=False)
    assert run(attempt(task, claimed(task))) is None
    assert effects() == ["last"]
    row = Job.objects.get()
    assert (row.status, row.result) == ("succeeded", None)


def test_completing_undoes_the_writes_of_a_job_that_was_given_away(toy: Toy) -> None:
    def network_first() -> None:
        Job.objects.update(fence=99)
        with completing():
            effect("last")

    task = toy(network_first, transaction=False)
    assert isinstance(run(attempt(task, claimed(task))), JobLost)
    assert effects() == []


def test_completing_needs_a_job_without_a_transaction(toy: Toy) -> None:
    def within() -> None:
        with completing():
            pass

    task = toy(within)
    assert isinstance(run(attempt(task, claimed(task))), JobNotRunning)
    with pytest.raises(JobNotRunning), completing():
        pass


def test_async_functions_and_contexts_work(toy: Toy) -> None:
    async def waiting(context: Any, text: str) -> list[Any]:
        await asyncio.sleep(0)
        return [context.attempt, context.task_result.id, text]

    task = toy(waiting, transaction=False, takes_context=True)
    job = claimed(task, "asked")
    assert run(attempt(task, job)) is None
    assert Job.objects.get().result == [1, str(job.id), "asked"]


def test_a_job_runs_as_its_module(toy: Toy) -> None:
    from monolith import current_module

    def asking() -> str:
        return current_module()

    task = toy(asking)
    job = claimed(task)
    with entering("platform"):
        assert run(attempt(task, job)) is None
    assert Job.objects.get().result == MODULE


def test_the_end_of_a_job_lets_the_next_of_its_key_go_on(toy: Toy) -> None:
    task = toy(effect, concurrency_key="one")
    first = claimed(task, "a")
    second = claimed(task, "b", start=False)
    records.block(second)
    assert records.claim(MODULE, limit=5, heavy=True) == []

    run(attempt(task, first))

    assert [job.id for job in records.claim(MODULE, limit=5, heavy=True)] == [second.id]


def test_a_job_that_was_given_away_starts_no_other(toy: Toy) -> None:
    task = toy(effect)
    job = claimed(task, "first")
    task.enqueue("second")
    (following,) = records.claim(MODULE, limit=1, heavy=True)
    Job.objects.filter(pk=job.id).update(fence=99)
    running = attempt(task, job)
    running.following, running.following_lease_s = following, 5

    assert isinstance(run(running), JobLost)

    assert not running.following_started
    assert list(Job.objects.order_by("pk").values_list("status", "workers")) == [
        ("running", ["me"]),
        ("ready", []),
    ]


def test_a_function_that_goes_on_after_completing_starts_no_other(toy: Toy) -> None:
    def going_on() -> None:
        with completing():
            effect("last")
        raise ConnectionError("while closing")

    task = toy(going_on, transaction=False)
    job = claimed(task)
    task.enqueue()
    (following,) = records.claim(MODULE, limit=1, heavy=True)
    running = attempt(task, job)
    running.following, running.following_lease_s = following, 5

    assert isinstance(run(running), ConnectionError)

    assert effects() == ["last"]
    assert list(Job.objects.order_by("pk").values_list("status", flat=True)) == ["succeeded", "ready"]


def test_rows_name_functions_of_their_own_module() -> None:
    assert runnable("apps.hikes.services.retire_walk", "hikes") is not None
    assert runnable("apps.hikes.services.retire_walk", "ships") is None


def test_jobs_of_a_task_that_is_heavy_no_more_run_as_others_do(toy: Toy) -> None:
    task = toy(effect, heavy=True)
    task.enqueue()
    records.lighten([task.module_path])
    assert records.claim(MODULE, limit=1, heavy=False) == []
    records.lighten([])
    assert len(records.claim(MODULE, limit=1, heavy=False)) == 1


def test_keys_fit_into_an_index(toy: Toy) -> None:
    task = toy(effect, concurrency_key="{name}")
    task.enqueue("x" * 500)
    with pytest.raises(ValueError, match="a key is at most 500 bytes"):
        task.enqueue("x" * 501)


def test_rows_name_functions_of_modules_alone() -> None:
    assert find("os.system") is None
    assert find("monolith.jobs.records.enqueue") is None
    assert find("apps.hikes.tasks.os.system") is None


@pytest.mark.parametrize("kind", [WorkerDied, LeaseExpired])
def test_an_end_that_nobody_saw_is_an_error_of_a_class(
    toy: Toy, kind: type[WorkerDied | LeaseExpired]
) -> None:
    task = toy(effect)
    job = claimed(task)
    fail(job, task, lost(kind, "Its process is gone.", "me"))
    (error,) = task.get_result(str(job.id)).errors
    assert error.exception_class is kind


def test_there_is_one_queue(toy: Toy) -> None:
    with pytest.raises(InvalidTask, match="'other' is not valid"):
        toy(effect).using(queue_name="other")
