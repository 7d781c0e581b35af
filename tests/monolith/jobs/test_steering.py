"""Seeing and steering jobs: what is listed, what may be done to a job in which state, and by whom."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monolith import BoundaryViolation, entering
from monolith.jobs import records, registry, steering
from monolith.jobs.registry import tasks_of
from monolith.jobs.retention import forget_old
from monolith.jobs.runner import Attempt, run
from monolith.jobs.steering_errors import (
    JobNotFound,
    JobNotSteerable,
    ModuleElsewhere,
    ModuleNotSaid,
    ModuleUnknown,
    TaskNotFound,
)
from monolith.jobs.task import ONCE
from monolith.models import Job
from tests.monolith.jobs.toy import Toy

pytestmark = pytest.mark.django_db(databases="__all__")

GONE = "apps.hikes.tasks.no_longer_there"


def note(text: str = "") -> None:
    """Do nothing; the tests here look at rows."""


def fail(text: str = "") -> None:
    raise LookupError("nothing there")


def run_next() -> int:
    """Run the next ready job of hikes as a worker would; returns its id."""
    (job, *others) = records.claim("hikes", limit=1, heavy=True)
    assert not others
    task = registry.find(job.task)
    assert task is not None
    assert records.start(job, lease_s=task.lease_seconds, worker="w")
    run(Attempt(job, task, "w"))
    return job.id


def ended(status: str, *, days_ago: float = 0, task: str = "apps.hikes.tasks.note", **fields: Any) -> Job:
    """Make a job that ended some time ago."""
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    return Job.objects.create(
        task=task, arguments={"args": [], "kwargs": {}}, status=status, finished_at=moment, **fields
    )


# Seeing.


def test_jobs_are_listed_newest_first_and_page_by_page(toy: Toy) -> None:
    task = toy(note)
    ids = [int(task.enqueue().id) for _ in range(5)]

    first = steering.list_jobs("hikes", limit=2)
    rest = steering.list_jobs("hikes", before=first[-1].id)

    assert [job.id for job in [*first, *rest]] == ids[::-1]
    assert {(job.module, job.status, job.attempts) for job in first} == {("hikes", "ready", 0)}


def test_a_list_is_narrowed_by_status_task_and_time(toy: Toy) -> None:
    toy(note).enqueue()
    failing = toy(fail, retry=ONCE).enqueue()
    with entering("hikes"):
        Job.objects.filter(pk=failing.id).update(priority=9)  # run first
        Job.objects.exclude(pk=failing.id).update(enqueued_at=datetime.now(UTC) - timedelta(hours=2))
    run_next()

    assert [job.error for job in steering.list_jobs("hikes", status="dead")] == ["builtins.LookupError"]
    assert [job.status for job in steering.list_jobs("hikes", task="apps.hikes.tasks.note")] == ["ready"]
    since = datetime.now(UTC) - timedelta(hours=1)
    assert [job.id for job in steering.list_jobs("hikes", since=since)] == [int(failing.id)]


def test_a_job_is_shown_with_arguments_errors_and_workers(toy: Toy) -> None:
    job_id = int(toy(fail, retry=ONCE).enqueue("Ålesund").id)
    run_next()

    shown = steering.show_job("hikes", job_id)

    assert shown.arguments == {"args": ["Ålesund"], "kwargs": {}}
    assert (shown.workers, shown.has_function, shown.reference) == (("w",), True, f"hikes/{job_id}")
    assert "nothing there" in shown.errors[0]["traceback"]
    with pytest.raises(JobNotFound, match="no job 999"):
        steering.show_job("hikes", 999)


def test_jobs_are_counted_by_task_and_status(toy: Toy) -> None:
    task = toy(note)
    task.enqueue()
    run_next()
    for _ in range(2):
        task.enqueue()

    (count,) = steering.count_jobs("hikes")

    assert (count.task, count.statuses) == ("apps.hikes.tasks.note", {"succeeded": 1, "ready": 2})


def test_jobs_that_nobody_looks_after_are_stuck(toy: Toy) -> None:
    task, keyed = toy(note), toy(fail, concurrency_key="k")
    ids = {
        name: int(task.enqueue().id)
        for name in ("lease_over", "not_claimed", "not_promoted", "fine", "claimed")
    }
    ids["blocked_by_nobody"] = int(keyed.enqueue().id)
    old, ahead = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    changes: dict[str, dict[str, Any]] = {
        "lease_over": {"status": "running", "leased_until": old - timedelta(hours=1)},
        "not_claimed": {"due_at": old},
        "not_promoted": {"status": "waiting", "due_at": old + timedelta(minutes=1)},
        "claimed": {"due_at": old, "claimed_until": ahead},
        "blocked_by_nobody": {"status": "blocked"},
    }
    for name, change in changes.items():
        Job.objects.filter(pk=ids[name]).update(**change)

    stuck = {each.reason: each.job.id for each in steering.stuck_jobs("hikes")}

    expected = ["lease_over", "not_claimed", "not_promoted", "blocked_by_nobody"]
    assert stuck == {name: ids[name] for name in expected}
    assert list(stuck) == expected


@pytest.mark.parametrize("status", ["running", "ready"])
def test_a_job_blocked_by_another_is_not_stuck(toy: Toy, status: str) -> None:
    keyed = toy(note, concurrency_key="k")
    other, blocked = keyed.enqueue(), keyed.enqueue()
    ahead = datetime.now(UTC) + timedelta(hours=1)
    Job.objects.filter(pk=other.id).update(status=status, leased_until=ahead)
    Job.objects.filter(pk=blocked.id).update(status="blocked")

    assert steering.stuck_jobs("hikes") == []


# Steering.


@pytest.mark.parametrize("status", ["dead", "discarded", "succeeded"])
def test_a_job_that_ended_is_replayed_with_all_its_attempts_and_its_history(toy: Toy, status: str) -> None:
    task = toy(fail, retry=ONCE)
    job_id = int(task.enqueue().id)
    run_next()
    Job.objects.filter(pk=job_id).update(status=status)

    replayed = steering.replay("hikes", job_id)

    assert (replayed.status, replayed.attempts, replayed.finished_at) == ("ready", 0, None)
    assert run_next() == job_id
    job = Job.objects.get(pk=job_id)
    assert (job.status, len(job.workers), len(job.errors)) == ("dead", 1, 2)


@pytest.mark.parametrize("status", ["waiting", "ready", "blocked", "running"])
def test_a_job_that_has_not_ended_is_not_replayed(toy: Toy, status: str) -> None:
    job_id = int(toy(note).enqueue().id)
    Job.objects.filter(pk=job_id).update(status=status)
    with pytest.raises(JobNotSteerable, match=f"hikes/{job_id} is {status}"):
        steering.replay("hikes", job_id)


def test_a_job_without_function_is_not_replayed(toy: Toy) -> None:
    job = ended("dead", task=GONE)
    with pytest.raises(JobNotSteerable, match="nothing would run it"):
        steering.replay("hikes", job.pk)
    assert not steering.show_job("hikes", job.pk).has_function


def test_a_replayed_job_stands_not_beside_its_equal(toy: Toy) -> None:
    task = toy(note, dedupe_key="note")
    first = task.enqueue()
    run_next()
    second = task.enqueue()

    with pytest.raises(JobNotSteerable, match="an equal job waits"):
        steering.replay("hikes", int(first.id))
    steering.discard("hikes", int(second.id))
    assert steering.replay("hikes", int(first.id)).status == "ready"


def test_a_worker_that_lost_a_replayed_job_does_not_end_it(toy: Toy) -> None:
    toy(note).enqueue()
    (old,) = records.claim("hikes", limit=1, heavy=True)
    records.start(old, lease_s=60, worker="w")
    Job.objects.filter(pk=old.id).update(status="dead", finished_at=datetime.now(UTC))

    steering.replay("hikes", old.id)
    (new,) = records.claim("hikes", limit=1, heavy=True)
    records.start(new, lease_s=60, worker="v")

    assert not records.succeed(old, "null")
    assert records.succeed(new, "null")


@pytest.mark.parametrize("status", ["waiting", "ready", "blocked", "dead"])
def test_a_job_that_does_not_run_is_discarded(toy: Toy, status: str) -> None:
    job_id = int(toy(note).enqueue().id)
    claimed = records.claim("hikes", limit=1, heavy=True)
    Job.objects.filter(pk=job_id).update(status=status)

    discarded = steering.discard("hikes", job_id)

    assert discarded.status == "discarded"
    assert discarded.finished_at is not None
    assert not records.start(claimed[0], lease_s=5, worker="w")


@pytest.mark.parametrize("status", ["running", "succeeded", "discarded"])
def test_a_running_job_and_one_that_ended_are_not_discarded(toy: Toy, status: str) -> None:
    job_id = int(toy(note).enqueue().id)
    Job.objects.filter(pk=job_id).update(status=status)
    with pytest.raises(JobNotSteerable, match=status):
        steering.discard("hikes", job_id)


def test_a_task_is_run_now(toy: Toy) -> None:
    toy(note)
    with entering("platform"):
        job = steering.run_now("apps.hikes.tasks.note", kwargs={"text": "by hand"})
    assert job.reference == f"hikes/{job.id}"
    assert Job.objects.get(pk=job.id).arguments == {"args": [], "kwargs": {"text": "by hand"}}


def test_what_cannot_be_run_now_says_what_can(toy: Toy) -> None:
    toy(note)
    with pytest.raises(TaskNotFound, match=r"Did you mean: apps\.hikes\.tasks\.note"):
        steering.run_now("apps.hikes.tasks.notes")
    with pytest.raises(TaskNotFound, match=r"No module here has a task 'os\.system'"):
        steering.run_now("os.system", args=["true"])
    with pytest.raises(TypeError, match=r"tasks\.note does not take these arguments"):
        steering.run_now("apps.hikes.tasks.note", kwargs={"depth": 1})
    assert Job.objects.count() == 0


def test_old_jobs_are_purged_and_dead_letters_only_on_demand(toy: Toy) -> None:
    for status in ("succeeded", "discarded", "dead"):
        for days in (1, 3):
            ended(status, days_ago=days)
    toy(note).enqueue()

    assert steering.purge("hikes", older_than=timedelta(days=2)) == 2
    assert steering.purge("hikes", older_than=timedelta(days=2), task="another") == 0
    assert steering.purge("hikes", older_than=timedelta(days=2), dead=True) == 1
    assert sorted(Job.objects.values_list("status", flat=True)) == ["dead", "discarded", "ready", "succeeded"]


# By whom.


def test_a_module_steers_its_own_jobs_alone(toy: Toy) -> None:
    job_id = int(toy(note).enqueue().id)
    for steer in (steering.show_job, steering.discard, steering.replay):
        with (
            entering("ships"),
            pytest.raises(BoundaryViolation, match="'ships' reached for 'hikes': its jobs"),
        ):
            steer("hikes", job_id)
    with entering("ships"), pytest.raises(BoundaryViolation):
        steering.run_now("apps.hikes.tasks.note")
    with entering("scheduler"):
        assert steering.show_job("hikes", job_id).status == "ready"


def test_jobs_of_a_module_that_runs_elsewhere_are_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from monolith.composition import composed

    here = composed()
    without = dataclasses.replace(
        here,
        modules={name: module for name, module in here.modules.items() if name != "stars"},
        remotes={"stars": "http://stars.example:8001"},
    )
    monkeypatch.setattr(steering, "composed", lambda: without)

    assert steering.modules_elsewhere() == {"stars": "http://stars.example:8001"}
    assert "stars" not in steering.modules_here()
    with pytest.raises(ModuleElsewhere, match=r"'stars' runs at http://stars\.example:8001, and its jobs"):
        steering.list_jobs("stars")
    with pytest.raises(ModuleUnknown, match="There is no module 'nowhere'"):
        steering.list_jobs("nowhere")


def test_a_module_that_is_down_does_not_hide_the_others() -> None:
    from django.db import OperationalError

    def read(module: str) -> Iterator[str]:
        if module == "ships":
            raise OperationalError("connection refused")
        yield module

    gathered = steering.gather(read, ["hikes", "ships", "stars"])

    assert (gathered.found, gathered.unreachable) == (["hikes", "stars"], {"ships": "connection refused"})


# Retention.


def test_forgetting_is_a_job_of_each_module() -> None:
    for module in ("hikes", "ships"):
        path = forget_old.module_path
        assert path in tasks_of(module)
        job = steering.run_now(path, module=module)
        assert (job.module, job.task) == (module, path)
        with entering(module):
            assert Job.objects.count() == 1
    with pytest.raises(ModuleNotSaid, match="say which module's is meant"):
        steering.run_now(forget_old.module_path)


def test_what_ended_long_ago_is_forgotten(toy: Toy) -> None:
    kept = {
        ended("succeeded", days_ago=6).pk,
        ended("discarded", days_ago=6).pk,
        ended("dead", days_ago=80).pk,
        int(toy(note).enqueue().id),
    }
    for status, days in (("succeeded", 8), ("discarded", 8), ("dead", 91)):
        ended(status, days_ago=days)

    assert forget_old.call() == 3
    assert set(Job.objects.values_list("pk", flat=True)) == kept


def test_no_more_rows_are_kept_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from monolith.composition import composed

    here = composed()
    limited = dataclasses.replace(here, environment=here.environment.model_copy(update={"jobs_keep_rows": 2}))
    monkeypatch.setattr("monolith.jobs.retention.composed", lambda: limited)
    monkeypatch.setattr("monolith.jobs.retention.BATCH", 1)
    with entering("hikes"):
        newest = {ended("succeeded", days_ago=days).pk for days in (1, 2)}
        dead = {ended("dead", days_ago=days).pk for days in (1, 2)}
        for days in (3, 4, 5):
            ended("succeeded", days_ago=days)
            ended("dead", days_ago=days)

        assert forget_old.call() == 6
        assert set(Job.objects.values_list("pk", flat=True)) == newest | dead
