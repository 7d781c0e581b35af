"""`manage.py jobs`: what it prints for people and programs, its refusals and its exit codes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from monolith import entering
from monolith.jobs import schedules
from monolith.models import Job, Schedule

pytestmark = pytest.mark.django_db(databases="__all__")

TASK = "apps.stars.tasks.prune"
GONE = "apps.stars.tasks.gone"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which nothing is folded."""
    monkeypatch.setenv("COLUMNS", "200")


def jobs(*words: str) -> str:
    """Run the command; returns what it printed."""
    out = StringIO()
    call_command("jobs", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def read(*words: str) -> Any:
    return json.loads(jobs(*words, "--json"))


type Make = Callable[..., Job]


@pytest.fixture
def make() -> Make:
    """Make a job of stars as it is after some time."""

    def job(status: str = "ready", *, days_ago: float = 0, task: str = TASK, **fields: Any) -> Job:
        ended = status in ("dead", "discarded", "succeeded")
        moment = datetime.now(UTC) - timedelta(days=days_ago)
        with entering("stars"):
            return Job.objects.create(
                task=task,
                arguments={"args": ["[red]x[/red]"], "kwargs": {}},
                status=status,
                finished_at=moment if ended else None,
                **fields,
            )

    return job


def status_of(job: Job) -> str:
    with entering("stars"):
        return str(Job.objects.get(pk=job.pk).status)


def test_jobs_are_listed_for_people_and_programs(make: Make) -> None:
    dead = make("dead", errors=[{"type": "builtins.LookupError", "traceback": "t", "at": "a", "worker": "w"}])
    make()

    assert [job["id"] for job in read("list", "--status", "dead")["jobs"]] == [dead.pk]
    assert len(read("list", "--module", "stars", "--since", "1h")["jobs"]) == 2
    assert read("list", "--module", "hikes")["jobs"] == []
    assert read("list", "--since", "2100-01-01")["jobs"] == []
    assert [job["id"] for job in read("list", "--before", f"stars/{dead.pk + 1}")["jobs"]] == [dead.pk]
    text = jobs("list", "--status", "dead")
    assert f"stars/{dead.pk}" in text
    assert jobs("list", "--module", "hikes") == "No jobs.\n"


def test_a_job_is_shown_with_its_errors(make: Make) -> None:
    error = {"type": "builtins.LookupError", "traceback": "Traceback: nothing", "at": "a", "worker": "w"}
    job = make("dead", errors=[error])

    text = jobs("show", f"stars/{job.pk}")
    assert "Traceback: nothing" in text
    assert "[red]x[/red]" in text
    assert read("show", str(job.pk), "--module", "stars")["errors"] == [error]


def test_a_dead_letter_is_replayed_and_discarded(make: Make) -> None:
    job = make("dead")
    assert "ready again" in jobs("replay", f"stars/{job.pk}")
    assert status_of(job) == "ready"
    assert "discarded" in jobs("discard", f"stars/{job.pk}")
    assert status_of(job) == "discarded"


def test_every_dead_letter_of_a_task_is_replayed(make: Make) -> None:
    ours, other = make("dead"), make("dead", task="apps.stars.tasks.compute_nights")

    assert [job["id"] for job in read("replay", "--dead", "--task", TASK)["jobs"]] == [ours.pk]
    assert (status_of(ours), status_of(other)) == ("ready", "dead")
    assert read("discard", "--dead", "--module", "stars")["jobs"][0]["id"] == other.pk
    assert jobs("replay", "--dead") == "Nothing to do.\n"


def test_what_is_refused_exits_with_1_after_the_others_were_done(make: Make) -> None:
    running, dead = make("running"), make("dead")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("jobs", "replay", f"stars/{running.pk}", f"stars/{dead.pk}", stdout=out)
    assert ended.value.code == 1
    assert (
        f"stars/{running.pk} is running; only a job that is dead, succeeded, discarded can be replayed."
        in (out.getvalue())
    )
    assert status_of(dead) == "ready"


def test_a_task_is_run_now(make: Make) -> None:
    (job,) = read("run", "apps.stars.tasks.refresh", "--kwargs", '{"force": true}')["jobs"]
    with entering("stars"):
        row = Job.objects.get(pk=job["id"])
    assert (row.arguments["kwargs"], row.travels["actor"]) == ({"force": True}, "command:jobs")
    assert "qcluster" in jobs("run", TASK)
    assert (
        read("run", "monolith.jobs.retention.forget_old", "--module", "ships")["jobs"][0]["module"] == "ships"
    )


def test_old_jobs_are_purged(make: Make) -> None:
    make("succeeded", days_ago=3)
    make("dead", days_ago=3)
    fresh = make("succeeded")

    assert read("purge", "--older-than", "2d", "--module", "stars") == {"purged": {"stars": 1}}
    assert "stars: 1 jobs deleted" in jobs("purge", "--older-than", "2d", "--dead")
    with entering("stars"):
        assert list(Job.objects.values_list("pk", flat=True)) == [fresh.pk]


def test_stuck_jobs_are_listed_and_exit_with_1(make: Make) -> None:
    assert jobs("stuck") == "Nothing is stuck.\n"
    job = make(due_at=datetime.now(UTC) - timedelta(hours=1))
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("jobs", "stuck", "--json", stdout=out)
    assert ended.value.code == 1
    assert json.loads(out.getvalue())["stuck"][0] | {"since": ""} == {
        "job": f"stars/{job.pk}",
        "task": TASK,
        "reason": "not_claimed",
        "since": "",
    }
    assert read("stuck", "--after", "2h")["stuck"] == []


def test_orphans_are_reported_and_removed_only_on_demand(make: Make) -> None:
    schedules.upsert("stars")
    job, running = make(task=GONE), make("running", task=GONE)
    with entering("stars"):
        Schedule.objects.create(
            name=GONE, every_s=60, catch_up="latest", next_at=datetime.now(UTC) + timedelta(hours=1)
        )
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("jobs", "orphans", "--json", stdout=out)
    assert ended.value.code == 1
    found = json.loads(out.getvalue())["orphans"]
    assert [(each["kind"], each["task"], each["jobs"]) for each in found] == [
        ("jobs", GONE, 2),
        ("schedule", GONE, 0),
    ]
    assert status_of(job) == "ready"

    jobs("orphans", "--remove")

    assert (status_of(job), status_of(running)) == ("discarded", "running")
    with entering("stars"):
        assert not Schedule.objects.filter(pk=GONE).exists()
        assert Schedule.objects.filter(pk=TASK).exists()


def test_schedules_are_listed_and_switched() -> None:
    schedules.upsert("stars")
    named = {each["name"]: each for each in read("schedules", "--module", "stars")["schedules"]}
    assert named[TASK]["timing"] == "every 1 hour, up to 5 minutes later"
    assert TASK in jobs("schedules")

    assert read("schedules", "--disable", TASK)["schedules"][0]["enabled"] is False
    assert read("schedules", "--enable", TASK)["schedules"][0]["enabled"] is True
    with pytest.raises(CommandError, match=r"has no schedule 'monolith\.jobs.retention\.forget_old'"):
        jobs("schedules", "--disable", "monolith.jobs.retention.forget_old", "--module", "hikes")


def test_singletons_are_listed_and_switched() -> None:
    name = "apps.ships.tasks.ingest"
    assert read("singletons")["singletons"] == []
    (stopped,) = read("singletons", "--stop", name)["singletons"]
    assert (stopped["name"], stopped["module"], stopped["enabled"]) == (name, "ships", False)
    assert read("singletons", "--start", name)["singletons"][0]["enabled"] is True
    assert name in jobs("singletons")
    with pytest.raises(
        CommandError, match=r"No module here has a singleton 'ingest'\. There are: .*apps\.ships"
    ):
        jobs("singletons", "--stop", "ingest")


def test_jobs_are_counted(make: Make) -> None:
    make()
    make("dead")
    assert read("counts")["counts"] == [
        {"module": "stars", "task": TASK, "statuses": {"dead": 1, "ready": 1}}
    ]
    assert "dead" in jobs("counts")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["show", "12"], "'12' names no job; write module/number as in hikes/12"),
        (["show", "stars/12", "--module", "hikes"], "names no job"),
        (["show", "stars/12"], "'stars' has no job 12"),
        (["list", "--module", "nowhere"], "There is no module 'nowhere'. There are agent, chat, compliance"),
        (["list", "--limit", "0"], "--limit is 1 to 1000"),
        (["list", "--since", "yesterday"], "'yesterday' is no time; write 6h"),
        (["purge", "--older-than", "a week"], "'a week' is no span of time; write 30s"),
        (["run", "apps.stars.tasks.pruned"], "Did you mean: apps.stars.tasks.prune"),
        (["run", "monolith.jobs.retention.forget_old"], "say which module's is meant"),
        (["run", TASK, "--kwargs", "[]"], "--kwargs is a JSON object"),
        (["run", TASK, "--args", "{"], "--args is not JSON"),
        (["run", TASK, "--kwargs", '{"depth": 1}'], "does not take these arguments"),
        (["replay"], "Name jobs (hikes/12), or say --dead"),
        (["replay", "stars/1", "--dead"], "not both"),
        (["discard", "stars/1", "--task", TASK], "--task goes with --dead"),
    ],
)
def test_what_cannot_be_done_says_what_can(words: list[str], complaint: str) -> None:
    with pytest.raises(CommandError) as refused:
        jobs(*words)
    assert complaint in str(refused.value)
