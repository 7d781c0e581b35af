"""Claiming jobs and beginning the first of them in one statement."""

import pytest
from django.db import IntegrityError

from monolith.jobs import records
from monolith.jobs.records import Claimed
from monolith.models import Job
from tests.monolith.jobs.toy import MODULE, AnyTask, Toy

pytestmark = pytest.mark.usefixtures("committed_db")


def walk(number: int) -> int:
    return number


def taken(task: AnyTask, *, leases: dict[str, int] | None = None) -> list[Claimed]:
    known = {task.module_path: 5} if leases is None else leases
    return records.claim_and_start(MODULE, limit=5, heavy=False, leases=known, worker="me")


def test_the_most_urgent_begins_and_the_others_wait_for_their_start(toy: Toy) -> None:
    task = toy(walk)
    for priority in (0, 10, 0):
        task.using(priority=priority).enqueue(1)

    first, *others = taken(task)

    assert [job.is_started for job in (first, *others)] == [True, False, False]
    row = Job.objects.get(pk=first.id)
    assert (row.priority, row.status, row.workers, row.claimed_until) == (10, "running", ["me"], None)
    assert row.leased_until is not None
    assert (first.attempts, first.begun) == (0, 1)
    assert records.succeed(first, "1")
    assert set(Job.objects.exclude(pk=first.id).values_list("status", flat=True)) == {"ready"}
    assert records.start(others[0], lease_s=5, worker="me")


def test_an_attempt_that_was_begun_before_counts(toy: Toy) -> None:
    task = toy(walk)
    task.enqueue(1)
    (job,) = taken(task)
    records.fail(job, attempts=3, pause_s=0, error={"type": "E", "traceback": "", "at": "", "worker": "me"})
    records.promote(10)

    (again,) = taken(task)

    assert (again.attempts, again.begun, again.fence) == (1, 2, job.fence + 1)


def test_what_has_no_lease_here_or_a_key_that_others_may_hold_is_claimed_alone(toy: Toy) -> None:
    keyed = toy(walk, concurrency_key="walk-{number}")
    keyed.enqueue(1)

    (job,) = taken(keyed)
    assert not job.is_started

    records.give_back([job])
    (job,) = taken(keyed, leases={})
    assert not job.is_started


def test_a_key_of_order_that_is_taken_refuses_the_start_and_claims_nothing(toy: Toy) -> None:
    task = toy(walk)
    for status in ("running", "ready"):
        Job.objects.create(
            task=task.module_path, arguments={}, concurrency_key="tryfan", ordered=True, status=status
        )

    with pytest.raises(IntegrityError):
        taken(task)

    assert Job.objects.filter(claimed_until=None).count() == 2


def test_plans_are_dropped_once_in_a_while(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    records.plan_anew()
    before = dict(records._planned)
    monkeypatch.setattr(records, "PLANS_KEPT_S", 60.0)
    records.plan_anew()
    assert dict(records._planned) == before

    monkeypatch.setattr(records, "PLANS_KEPT_S", 0.0)
    records.plan_anew()
    assert dict(records._planned) != before
