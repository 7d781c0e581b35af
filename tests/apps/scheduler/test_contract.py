"""What scheduler promises other modules."""

import dataclasses

import pytest

from apps.scheduler import api
from apps.scheduler.models import SteeringAction
from contracts.scheduler import Enqueued, NotRunnable, Scheduler
from monolith import composed, entering
from monolith.contracts import acting, require
from monolith.contracts import dispatcher as dispatching
from monolith.jobs import steering
from monolith.models import Job
from tests.apps.scheduler.conftest import TASK

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_module")]


def test_a_scheduled_task_is_run_before_its_time() -> None:
    with acting(actor="module:chat"):
        enqueued = api.run_now(idempotency_key="1", task=TASK)

    with entering("stars"):
        job = Job.objects.get()
    assert enqueued == Enqueued(module="stars", job=job.pk)
    assert (job.task, job.travels["actor"]) == (TASK, "module:chat")
    assert SteeringAction.objects.get().by == "module:chat"


def test_a_task_of_every_module_is_run_for_the_one_named() -> None:
    task = "monolith.jobs.retention.forget_old"
    assert api.run_now(idempotency_key="1", task=task, module="ships").module == "ships"
    with pytest.raises(NotRunnable):
        api.run_now(idempotency_key="2", task=task)


@pytest.mark.parametrize(
    "task", ["apps.stars.services.slug_of", "apps.stars.tasks.nothing", "os.system", "apps.nowhere.tasks.a"]
)
def test_what_has_no_schedule_is_not_for_others_to_start(task: str) -> None:
    with pytest.raises(NotRunnable) as refused:
        api.run_now(idempotency_key="1", task=task)
    assert refused.value.task == task


def test_who_acts_for_a_tenant_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(actor="token:worker", tenant="acme"), pytest.raises(NotRunnable, match="act for no tenant"):
        api.run_now(idempotency_key="1", task=TASK)
    monkeypatch.setitem(dispatching.dispatcher()._requires, "hikes", frozenset({"scheduler"}))
    with acting(tenant="acme"), entering("hikes"), pytest.raises(NotRunnable, match="act for no tenant"):
        require(Scheduler).run_now(idempotency_key="1", task=TASK)
    with entering("stars"):
        assert not Job.objects.exists()


def test_a_module_in_another_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    here = composed()
    without = dataclasses.replace(
        here,
        modules={name: module for name, module in here.modules.items() if name != "stars"},
        remotes={"stars": "http://stars.example:8001"},
    )
    monkeypatch.setattr(steering, "composed", lambda: without)
    with pytest.raises(NotRunnable, match=r"'stars' runs at http://stars\.example:8001"):
        api.run_now(idempotency_key="1", task=TASK)
