"""What agents see of jobs, which is not what is in them, and what takes a person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.scheduler.models import Run, SteeringAction
from monolith import entering
from monolith.models import Job, Schedule
from monolith.tools.calls import call_tool
from tests.apps.scheduler.conftest import TASK, MakeJob
from tests.tool_calls import all_items, answer, confirmed, guest, refusal

pytestmark = pytest.mark.django_db(databases="__all__")

SECRET = "a word that is nobody's business"


class TestReading:
    def test_jobs_of_all_modules_come_in_pages_that_leave_none_out(self, make_job: MakeJob) -> None:
        me = guest("read:scheduler")
        made = {f"{module}/{make_job(module).pk}" for _ in range(4) for module in ("stars", "hikes", "ships")}

        found = all_items(me, "scheduler_list_jobs", limit=5)

        assert len(found) == len(made) == 12
        assert {job["job"] for job in found} == made
        times = [job["enqueued_at"] for job in found]
        assert times == sorted(times, reverse=True)
        only = all_items(me, "scheduler_list_jobs", module="stars", limit=3, status="ready", task=TASK)
        assert [job["job"] for job in only] == [job["job"] for job in found if job["job"].startswith("stars")]
        assert answer(me, "scheduler_list_jobs", since="2090-01-01T00:00:00Z")["items"] == []
        assert "There is no module 'nowhere'" in refusal(me, "scheduler_list_jobs", module="nowhere")
        for wrong in ("bm9uZQ", "WyJzdGFycy94Il0", "WyJzdGFycy85OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ"):
            assert "no `next`" in refusal(me, "scheduler_list_jobs", after=wrong)

    def test_what_a_job_was_given_and_what_its_errors_say_is_not_told(self, make_job: MakeJob) -> None:
        error = {"type": "ValueError", "traceback": SECRET, "at": "2026-01-01T00:00:00Z", "worker": "w"}
        arguments = {"args": [SECRET], "kwargs": {}}
        job = make_job("stars", status="dead", arguments=arguments, errors=[error], result=SECRET)

        told = call_tool(guest(), "scheduler_get_job", {"job": f"stars/{job.pk}"})

        assert told.content is not None
        assert told.content["failures"] == [{"type": "ValueError", "at": "2026-01-01T00:00:00Z"}]
        assert (told.content["status"], told.content["can_replay"]) == ("dead", True)
        assert SECRET not in told.text
        assert "scheduler_list_jobs" in refusal(guest(), "scheduler_get_job", job="stars/999999")

    def test_stuck_jobs_orphans_and_dead_letters_are_found(self, make_job: MakeJob) -> None:
        me = guest("read:scheduler")
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        late = [make_job("stars", due_at=hour_ago).pk for _ in range(3)]
        make_job("hikes", task="apps.hikes.tasks.gone")
        letter = make_job("home", status="dead", message_id="01a20104-4544-7ed7-8876-fb244f2d8a5f")

        stuck = all_items(me, "scheduler_list_stuck_jobs", limit=2)
        orphans = all_items(me, "scheduler_list_orphans")
        letters = all_items(me, "scheduler_list_dead_letters", limit=1)

        assert sorted(job["job"] for job in stuck) == sorted(f"stars/{number}" for number in late)
        assert {job["reason"] for job in stuck} == {"not_claimed"}
        assert all_items(me, "scheduler_list_stuck_jobs", overdue_s=7200) == []
        assert [(o["module"], o["kind"], o["task"], o["jobs"]) for o in orphans] == [
            ("hikes", "jobs", "apps.hikes.tasks.gone", 1)
        ]
        assert [each["job"] for each in letters] == [f"home/{letter.pk}"]
        assert all_items(me, "scheduler_list_dead_letters", subscriber="apps.home.subscribers.nobody") == []

    @pytest.mark.usefixtures("scheduled")
    def test_schedules_and_runs_are_listed(self) -> None:
        me = guest("read:scheduler")
        now = datetime.now(UTC)
        with entering("scheduler"):
            for number in range(3):
                Run.objects.create(
                    module="stars",
                    task=TASK,
                    job=number,
                    outcome="dead" if number else "succeeded",
                    attempts=1,
                    enqueued_at=now,
                    started_at=now,
                    finished_at=now + timedelta(seconds=number),
                )

        schedules = all_items(me, "scheduler_list_schedules", limit=1)

        assert [each["name"] for each in schedules] == sorted(each["name"] for each in schedules)
        assert TASK in {each["name"] for each in schedules}
        assert [run["job"] for run in all_items(me, "scheduler_list_runs", limit=1)] == [2, 1, 0]
        assert [run["job"] for run in all_items(me, "scheduler_list_runs", outcome="succeeded")] == [0]

    def test_a_tenants_token_sees_no_jobs(self, make_job: MakeJob) -> None:
        job = f"stars/{make_job('stars', status='dead').pk}"
        me = guest(tenant="acme")

        for name in ("jobs", "stuck_jobs", "orphans", "dead_letters", "runs"):
            assert "made for no tenant" in refusal(me, f"scheduler_list_{name}")
        assert "made for no tenant" in refusal(me, "scheduler_get_job", job=job)
        for tool in ("scheduler_replay_job", "scheduler_discard_job"):
            assert confirmed(me, tool, job=job).outcome == "refused"
        with entering("stars"):
            assert Job.objects.get().status == "dead"


class TestSteering:
    @pytest.mark.parametrize(
        ("tool", "before", "after"),
        [("scheduler_replay_job", "dead", "ready"), ("scheduler_discard_job", "ready", "discarded")],
    )
    def test_it_takes_a_person_and_is_recorded(
        self, make_job: MakeJob, tool: str, before: str, after: str
    ) -> None:
        job = make_job("stars", status=before)
        me = guest("restricted:scheduler", name="operator")

        asked = call_tool(me, tool, {"job": f"stars/{job.pk}"})
        with entering("stars"):
            assert Job.objects.get(pk=job.pk).status == before
        done = confirmed(me, tool, job=f"stars/{job.pk}")
        again = confirmed(me, tool, job=f"stars/{job.pk}")

        assert asked.outcome == "undecided"
        assert done.content == {"job": f"stars/{job.pk}", "task": TASK, "status": after}
        assert again.outcome == "refused"
        with entering("scheduler"):
            assert list(SteeringAction.objects.values_list("by", flat=True)) == ["token:operator"] * 2

    @pytest.mark.usefixtures("scheduled")
    def test_a_schedule_is_switched(self) -> None:
        told = confirmed(guest(), "scheduler_switch_schedule", module="stars", name=TASK, enabled=False)

        assert told.content is not None, told.text
        assert told.content["enabled"] is False
        with entering("stars"):
            assert not Schedule.objects.get(name=TASK).enabled
        unknown = confirmed(guest(), "scheduler_switch_schedule", module="stars", name="a.b", enabled=False)
        assert "has no schedule" in unknown.text

    def test_a_scheduled_task_is_run_once_for_a_key(self) -> None:
        me = guest("execute:scheduler", name="operator")
        asked: dict[str, Any] = {"idempotency_key": "one", "task": TASK}

        first = answer(me, "scheduler_run_now", **asked)

        assert answer(me, "scheduler_run_now", **asked) == first
        with entering("stars"):
            assert Job.objects.get().travels["actor"] == "token:operator"
        assert "idempotency key" in refusal(me, "scheduler_run_now", **asked | {"module": "stars"}).lower()

    def test_a_token_of_a_tenant_runs_nothing(self) -> None:
        theirs = guest("execute:scheduler", tenant="acme")

        told = refusal(theirs, "scheduler_run_now", idempotency_key="one", task=TASK)

        assert "act for no tenant" in told
        with entering("stars"):
            assert not Job.objects.exists()

    @pytest.mark.parametrize(
        ("key", "wrong"), [("k" * 12_000, "at most 200 characters"), ("k\0", "should match pattern")]
    )
    def test_a_key_that_no_index_holds_is_told_to_be_wrong(self, key: str, wrong: str) -> None:
        asked = {"idempotency_key": key, "task": TASK}

        told = call_tool(guest("execute:scheduler"), "scheduler_run_now", asked)

        assert told.outcome == "invalid"
        assert "idempotency_key: String should" in told.text
        assert wrong in told.text
        with entering("stars"):
            assert not Job.objects.exists()
