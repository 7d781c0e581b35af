"""The fixture `jobs`: jobs run in the test's process as a worker runs them, and time passes on demand."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as platform_connection
from django.utils import timezone

from monolith import atomic, connection, current_module, entering
from monolith.jobs import CatchUp, Retry, records
from monolith.jobs.runner import completing
from monolith.jobs.steering import discard
from monolith.models import CommandRecord, Job
from monolith.testing.jobs import Jobs, NeverQuiet
from tests.monolith.jobs.toy import AnyTask, Toy

pytestmark = pytest.mark.django_db(databases="__all__")

seen: list[str] = []
again: list[AnyTask] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()
    again.clear()


def note(text: str = "") -> str:
    seen.append(text)
    return current_module()


def write(key: str) -> None:
    """Leave a row behind, then fail on demand."""
    CommandRecord.objects.create(operation="toy", caller="toy", tenant="", key=key, request_hash=b"")
    if key == "bad":
        raise LookupError("nothing there")


def write_and_complete(key: str) -> None:
    with completing():
        write(key)


def enqueue_again() -> None:
    again[0].enqueue()


def tell_time() -> str:
    seen.append(f"{timezone.now():%H:%M}")
    with connection().cursor() as cursor:
        cursor.execute("SELECT now()")
        told: datetime = cursor.fetchone()[0]
    assert abs(told - timezone.now()) < timedelta(seconds=1)
    return f"{told:%H:%M}"


def written() -> list[str]:
    return list(CommandRecord.objects.values_list("key", flat=True))


def test_a_job_runs_as_its_module_and_its_result_is_kept(toy: Toy, jobs: Jobs) -> None:
    task = toy(note)
    task.enqueue("a")
    assert [(job.arguments["args"], job.status) for job in jobs.enqueued(task)] == [(["a"], "ready")]

    with entering("ships"):
        (run,) = jobs.run_due()

    assert (run.status, run.result, run.error, seen) == ("succeeded", "hikes", None, ["a"])
    assert jobs.enqueued(task) == []
    assert jobs.run_due() == []


def test_jobs_run_by_priority_and_so_does_what_they_enqueue(toy: Toy, jobs: Jobs) -> None:
    task = toy(note)
    again.append(task)
    task.enqueue("later")
    toy(enqueue_again, priority=5).enqueue()

    assert [run.task.rpartition(".")[2] for run in jobs.run_due()] == ["enqueue_again", "note", "note"]
    assert seen == ["later", ""]


def test_what_a_job_wrote_is_undone_when_it_fails(toy: Toy, jobs: Jobs) -> None:
    task = toy(write, retry=Retry(attempts=2))
    task.enqueue("good")
    task.enqueue("bad")

    with pytest.raises(LookupError, match="nothing there") as raised:
        jobs.run_due()
    assert "raised by job hikes/" in raised.value.__notes__[0]
    assert written() == ["good"]


def test_a_job_that_fails_is_tried_again_after_its_pause_and_dies(toy: Toy, jobs: Jobs) -> None:
    toy(write, retry=Retry(attempts=2, first_s=600, max_s=600)).enqueue("bad")

    assert [run.status for run in jobs.run_due(raising=False)] == ["waiting"]
    assert jobs.run_due(raising=False) == []
    jobs.travel(minutes=11)
    (last,) = jobs.run_due(raising=False)

    assert (last.status, type(last.error)) == ("dead", LookupError)
    assert len(Job.objects.get().errors) == 2


def test_a_task_without_transaction_completes_with_its_last_writes(toy: Toy, jobs: Jobs) -> None:
    toy(write_and_complete, transaction=False).enqueue("good")
    (run,) = jobs.run_due()
    assert (run.status, written()) == ("succeeded", ["good"])


def test_a_job_for_later_runs_when_its_time_has_come(toy: Toy, jobs: Jobs) -> None:
    toy(note).using(run_after=timezone.now() + timedelta(hours=1)).enqueue("late")

    jobs.travel(minutes=59)
    assert jobs.run_due() == []
    toy(note).using(run_after=timezone.now() + timedelta(minutes=2)).enqueue("later")
    jobs.travel(minutes=1, seconds=1)
    jobs.run_due()
    assert seen == ["late"]
    jobs.travel(minutes=1)
    jobs.run_due()
    assert seen == ["late", "later"]


def test_a_job_of_a_taken_key_waits_for_the_other(toy: Toy, jobs: Jobs) -> None:
    task = toy(note, concurrency_key="one")
    task.enqueue("a")
    (holder,) = records.claim("hikes", limit=1, heavy=True)
    records.start(holder, lease_s=60, worker="w")
    task.enqueue("b")

    assert jobs.run_due() == []
    assert Job.objects.get(status="blocked").arguments["args"] == ["b"]
    records.succeed(holder, "null")
    assert [run.status for run in jobs.run_due()] == ["succeeded"]


def test_a_schedule_fires_once_for_the_time_nothing_ran(toy: Toy, jobs: Jobs) -> None:
    task = toy(note, every=timedelta(hours=1))
    assert jobs.run_due() == []
    jobs.deploy("hikes")
    assert len(jobs.run_due()) == 1

    jobs.travel(hours=6)
    assert [run.task for run in jobs.run_due()] == [task.module_path]


def test_a_schedule_fires_at_each_tick_while_a_worker_runs(toy: Toy, jobs: Jobs) -> None:
    toy(tell_time, cron="0 3,15 * * *", timezone="Europe/Oslo", catch_up=CatchUp.ALL)
    jobs.travel(to=datetime(2026, 3, 28, 12, tzinfo=UTC))
    jobs.deploy("hikes")

    runs = jobs.run_for(days=1)

    # At 03:00 on the 29th clocks in Oslo have just gone forward: 01:00 UTC, before that 14:00 UTC for 15:00.
    assert [run.result for run in runs] == ["14:00", "01:00"]
    assert seen == ["14:00", "01:00"]
    assert f"{timezone.now():%d %H:%M}" == "29 12:00"


def test_jobs_that_never_end_are_told_of(toy: Toy, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monolith.testing.jobs.MAX_RUNS", 5)
    task = toy(enqueue_again)
    again.append(task)
    task.enqueue()
    with pytest.raises(NeverQuiet, match=r"more are due, of apps\.hikes\.tasks\.enqueue_again"):
        jobs.run_due()


def test_a_job_of_a_transaction_that_was_undone_does_not_run(toy: Toy, jobs: Jobs) -> None:
    task = toy(note)
    with suppress(LookupError), atomic():
        task.enqueue()
        raise LookupError
    assert jobs.run_due() == []


def test_a_job_whose_function_is_gone_is_told_of(toy: Toy, jobs: Jobs) -> None:
    job = Job.objects.create(
        task="apps.hikes.tasks.gone", arguments={"args": [], "kwargs": {}}, status="ready"
    )
    with pytest.raises(LookupError, match=r"apps\.hikes\.tasks\.gone, which is not in this process"):
        jobs.run_due()
    discard("hikes", job.pk)
    assert jobs.run_due() == []


def test_the_clock_of_every_connection_is_moved(jobs: Jobs) -> None:
    jobs.travel(days=400)
    with platform_connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        assert abs(cursor.fetchone()[0] - timezone.now()) < timedelta(seconds=1)


def test_the_clock_was_put_back() -> None:
    with entering("hikes"), connection().cursor() as cursor:
        cursor.execute("SELECT now()")
        assert abs(cursor.fetchone()[0] - datetime.now(UTC)) < timedelta(minutes=5)
