"""The HTTP face of scheduler."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.scheduler.models import SteeringAction
from monolith import entering
from monolith.composition import composed
from monolith.jobs import steering
from monolith.models import Job, Lease
from tests.apps.scheduler.conftest import TASK, MakeJob

pytestmark = pytest.mark.django_db(databases="__all__")

API = "/api/scheduler"


def listed(client: Client, what: str = "jobs", **query: Any) -> Any:
    answer = client.get(f"{API}/{what}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def posted(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"{API}/{path}", body, content_type="application/json")


def actions() -> list[tuple[Any, ...]]:
    with entering("scheduler"):
        return list(SteeringAction.objects.values_list("verb", "module", "job", "task", "outcome"))


def test_jobs_of_all_modules_are_listed_newest_first(staff: Client, make_job: MakeJob) -> None:
    jobs = [make_job(module) for module in ("stars", "hikes", "stars", "ships")]
    now = datetime.now(UTC)
    for age, (module, job) in enumerate(zip(("stars", "hikes", "stars", "ships"), jobs, strict=True)):
        with entering(module):
            Job.objects.filter(pk=job.pk).update(enqueued_at=now - timedelta(minutes=age))

    found = listed(staff, limit=3)

    assert [(job["module"], job["id"]) for job in found["items"]] == [
        ("stars", jobs[0].pk),
        ("hikes", jobs[1].pk),
        ("stars", jobs[2].pk),
    ]
    assert (found["unreachable"], found["elsewhere"]) == ({}, {})


def test_the_jobs_of_one_module_are_paged_and_narrowed(staff: Client, make_job: MakeJob) -> None:
    ids = [make_job("stars").pk for _ in range(3)]
    dead = make_job("stars", status="dead")
    make_job("hikes", status="dead")

    first = listed(staff, module="stars", limit=2)["items"]
    rest = listed(staff, module="stars", before=first[-1]["id"])["items"]

    assert [job["id"] for job in first + rest] == [dead.pk, *ids[::-1]]
    assert [job["id"] for job in listed(staff, module="stars", status="dead")["items"]] == [dead.pk]
    assert listed(staff, task="apps.stars.tasks.another")["items"] == []
    since = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert listed(staff, since=since)["items"] == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"status": "lost"}, "status"),
        ({"before": 3}, "module"),
        ({"since": "yesterday"}, "since"),
    ],
)
def test_a_list_that_cannot_be_is_refused_with_the_fields_name(
    staff: Client, query: dict[str, Any], name: str
) -> None:
    answer = staff.get(f"{API}/jobs", query)
    assert answer.status_code == 422
    assert [error["name"] for error in answer.json()["errors"]] == [name]


def test_a_job_is_shown_to_who_may_see_what_is_in_it(viewer: Client, make_job: MakeJob) -> None:
    job = make_job("stars", errors=[{"type": "E", "traceback": "t", "at": "now", "worker": "w"}])
    shown = viewer.get(f"{API}/jobs/stars/{job.pk}").json()
    assert (shown["task"], shown["arguments"], shown["has_function"]) == (
        TASK,
        {"args": [], "kwargs": {}},
        True,
    )
    assert [error["traceback"] for error in shown["errors"]] == ["t"]
    assert viewer.get(f"{API}/jobs/stars/{job.pk + 1}").status_code == 404
    assert viewer.get(f"{API}/jobs/nowhere/1").json()["type"] == "/problems/not-found"


def test_a_dead_letter_is_replayed_and_discarded_and_both_are_recorded(
    operator: Client, make_job: MakeJob
) -> None:
    job = make_job("stars", status="dead", workers=["a", "b"])

    replayed = posted(operator, f"jobs/stars/{job.pk}/replay")
    assert (replayed.status_code, replayed.json()["status"], replayed.json()["attempts"]) == (200, "ready", 0)
    again = posted(operator, f"jobs/stars/{job.pk}/replay")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/job-not-steerable")
    discarded = posted(operator, f"jobs/stars/{job.pk}/discard")
    assert (discarded.status_code, discarded.json()["status"]) == (200, "discarded")

    with entering("stars"):
        assert Job.objects.get().status == "discarded"
    newest, refused, first = actions()
    assert newest == ("discard", "stars", job.pk, TASK, "done")
    assert refused[-1].startswith("JobNotSteerable: ")
    assert first == ("replay", "stars", job.pk, TASK, "done")
    page = listed(operator, "actions", limit=1)
    assert (page["total"], page["items"][0]["verb"]) == (3, "discard")
    assert page["items"][0]["by"] == f"user:{User.objects.get().pk}"


def test_a_task_is_run_now_as_its_module(operator: Client) -> None:
    answer = posted(operator, "jobs", {"task": TASK})

    assert answer.status_code == 201
    with entering("stars"):
        job = Job.objects.get()
    assert (job.task, job.status, job.travels["actor"]) == (TASK, "ready", f"user:{User.objects.get().pk}")
    assert answer.json()["id"] == job.pk
    assert actions() == [("run", "stars", job.pk, TASK, "done")]


def test_a_task_that_every_module_has_is_run_for_one(operator: Client) -> None:
    task = "monolith.jobs.retention.forget_old"
    assert posted(operator, "jobs", {"task": task}).status_code == 404
    assert posted(operator, "jobs", {"task": task, "module": "ships"}).json()["module"] == "ships"


@pytest.mark.parametrize(
    ("new", "status"),
    [
        ({"task": "os.system", "args": ["true"]}, 404),
        ({"task": "apps.stars.tasks.nothing"}, 404),
        ({"task": "apps.stars.services.slug_of", "module": "hikes"}, 404),
        ({"task": TASK, "kwargs": {"depth": 1}}, 422),
        ({"task": TASK, "more": 1}, 422),
        ({"task": ""}, 422),
    ],
)
def test_what_cannot_be_run_is_refused(operator: Client, new: dict[str, Any], status: int) -> None:
    assert posted(operator, "jobs", new).status_code == status
    with entering("stars"):
        assert not Job.objects.exists()


def test_what_needs_a_look_is_listed(staff: Client, make_job: MakeJob) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    stuck = make_job("stars", due_at=old)
    make_job("hikes", task="apps.hikes.tasks.gone", status="waiting", due_at=datetime.now(UTC) + timedelta(1))
    with entering("ships"):
        Lease.objects.create(deployment="", name="ingest", holder="host", expires_at=old)

    (found,) = listed(staff, "stuck")["items"]
    assert (found["job"]["id"], found["reason"]) == (stuck.pk, "not_claimed")
    assert listed(staff, "stuck", after_s=7200)["items"] == []
    (orphan,) = listed(staff, "orphans")["items"]
    assert (orphan["module"], orphan["kind"], orphan["task"], orphan["jobs"]) == (
        "hikes",
        "jobs",
        "apps.hikes.tasks.gone",
        1,
    )
    (lease,) = listed(staff, "leases")["items"]
    assert (lease["module"], lease["name"], lease["holder"], lease["is_held"]) == (
        "ships",
        "ingest",
        "host",
        False,
    )
    counts = listed(staff, "counts", module="stars")["items"]
    assert counts == [{"module": "stars", "task": TASK, "statuses": {"ready": 1}}]


@pytest.mark.usefixtures("scheduled")
def test_schedules_are_listed_and_switched(operator: Client) -> None:
    names = {each["name"]: each for each in listed(operator, "schedules", module="stars")["items"]}
    assert "monolith.jobs.retention.forget_old" in names
    assert names[TASK]["enabled"]

    assert posted(operator, f"schedules/stars/{TASK}/disable").json()["enabled"] is False
    assert posted(operator, f"schedules/stars/{TASK}/enable").json()["enabled"] is True
    assert posted(operator, "schedules/stars/nothing/enable").status_code == 404
    assert [action[:4] for action in actions()][1:] == [
        ("enable", "stars", None, TASK),
        ("disable", "stars", None, TASK),
    ]


def test_a_module_in_another_process_is_named(
    operator: Client, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = composed()
    without = dataclasses.replace(
        here,
        modules={name: module for name, module in here.modules.items() if name != "stars"},
        remotes={"stars": "http://stars.example:8001"},
    )
    monkeypatch.setattr(steering, "composed", lambda: without)

    assert listed(operator)["elsewhere"] == {"stars": "http://stars.example:8001"}
    for answer in (
        posted(operator, "jobs", {"task": TASK}),
        posted(operator, "jobs/stars/1/replay"),
        operator.get(f"{API}/jobs", {"module": "stars"}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/module-elsewhere")
        assert "'stars' runs at http://stars.example:8001" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "jobs/stars/1/replay",
        "jobs/stars/1/discard",
        "jobs",
        f"schedules/stars/{TASK}/disable",
    ],
)
def test_steering_takes_the_permission(viewer: Client, path: str) -> None:
    answer = posted(viewer, path, {"task": TASK})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/permission-missing")
    assert actions() == []


def test_staff_without_permission_do_not_see_what_is_in_jobs(staff: Client, make_job: MakeJob) -> None:
    job = make_job("stars")
    assert staff.get(f"{API}/jobs/stars/{job.pk}").status_code == 403


def test_only_staff_get_in_and_only_with_the_token() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.get(f"{API}/jobs").status_code == 401
    client.force_login(User.objects.create_user("customer"))
    assert client.get(f"{API}/jobs").status_code == 403
    client.force_login(User.objects.create_superuser("keeper"))
    answer = posted(client, "jobs", {"task": TASK})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/csrf")
