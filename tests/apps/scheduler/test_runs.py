"""How jobs ended: told by their modules, kept for a while, shown with their age."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.scheduler import services, tasks
from apps.scheduler.models import Run
from apps.stars.tasks import prune
from monolith import entering
from monolith.models import Job
from monolith.testing.events import Events
from tests.apps.scheduler.conftest import TASK

pytestmark = pytest.mark.django_db(databases="__all__")

API = "/api/scheduler"


def make(*, task: str = TASK, hours_ago: float = 0, outcome: str = "succeeded", module: str = "stars") -> Run:
    ended = datetime.now(UTC) - timedelta(hours=hours_ago)
    with entering("scheduler"):
        return Run.objects.create(
            module=module,
            task=task,
            job=1,
            schedule=task,
            outcome=outcome,
            attempts=1,
            enqueued_at=ended - timedelta(seconds=3),
            started_at=ended - timedelta(seconds=2),
            finished_at=ended,
        )


def test_what_ended_in_another_module_becomes_a_run_here(events: Events, staff: Client) -> None:
    with entering("stars"):
        prune.enqueue()
    events.deliver()
    with entering("stars"):
        job = Job.objects.get()
    assert job.started_at
    assert job.finished_at
    (run,) = staff.get(f"{API}/runs", {"task": TASK}).json()["items"]
    assert (run["module"], run["job"], run["schedule"]) == ("stars", job.pk, "")
    assert (run["outcome"], run["attempts"], run["error"]) == ("succeeded", 1, "")
    assert run["duration_s"] == pytest.approx((job.finished_at - job.started_at).total_seconds())
    assert 0 <= run["age_s"] < 60


def test_the_end_of_scheduler_s_own_job_is_told_once(events: Events) -> None:
    events.jobs.deploy("scheduler")
    runs = events.deliver_for(minutes=10)
    ended = ["apps.scheduler.tasks.forget_runs", "monolith.jobs.retention.forget_old"]
    assert sorted(run.task for run in runs) == ["apps.scheduler.subscribers.note_end"] * 2 + ended
    with entering("scheduler"):
        assert sorted(Run.objects.values_list("task", "schedule")) == [(name, name) for name in ended]


def test_runs_are_narrowed_and_paged_and_last_runs_are_one_per_task(staff: Client) -> None:
    old, new = make(hours_ago=2), make(hours_ago=1, outcome="dead")
    other = make(task="apps.hikes.tasks.refresh", module="hikes", hours_ago=3)

    def ids(what: str, **query: Any) -> list[str]:
        answer = staff.get(f"{API}/{what}", query)
        assert answer.status_code == 200, answer.content
        return [item["finished_at"][:19] for item in answer.json()["items"]]

    def shown(*runs: Run) -> list[str]:
        return [f"{run.finished_at:%Y-%m-%dT%H:%M:%S}" for run in runs]

    assert ids("runs") == shown(new, old, other)
    assert ids("runs", outcome="dead") == shown(new)
    assert ids("runs", module="hikes") == shown(other)
    assert ids("runs", limit=1, offset=1) == shown(old)
    assert ids("last-runs") == shown(other, new)
    assert ids("last-runs", module="stars") == shown(new)
    (last,) = staff.get(f"{API}/last-runs", {"module": "hikes"}).json()["items"]
    assert last["age_s"] == pytest.approx(3 * 3600, abs=30)
    assert last["duration_s"] == 2.0
    assert staff.get(f"{API}/runs", {"limit": 0}).status_code == 422


def test_the_newest_of_each_task_are_kept_for_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEEP_RUNS", 2)
    kept = [make(hours_ago=1), make(hours_ago=2), make(task="apps.stars.tasks.refresh", hours_ago=9)]
    make(hours_ago=3)
    make(task="apps.stars.tasks.gone", hours_ago=31 * 24)
    with entering("scheduler"):
        assert tasks.forget_runs.call() == 2
        assert set(Run.objects.values_list("pk", flat=True)) == {run.pk for run in kept}


def test_the_admin_shows_runs_with_their_ages(viewer: Client, client: Client) -> None:
    make(hours_ago=3, outcome="dead")
    text = viewer.get("/admin/scheduler/job/", {"view": "runs"}).content.decode()
    assert "3\xa0hours ago" in text
    client.force_login(User.objects.create_superuser("keeper"))
    text = client.get("/admin/scheduler/run/").content.decode()
    assert "3\xa0hours ago" in text
    assert "2.000 s" in text
    assert client.get("/admin/scheduler/run/add/").status_code == 403
