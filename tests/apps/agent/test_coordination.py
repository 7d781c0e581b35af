"""Locks, routine jobs and decisions of outside agents."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connections

from apps.agent import decisions, locks, routines, watchdog
from apps.agent.errors import (
    DecisionNotFoundError,
    DecisionOverError,
    LockHeldError,
    LockLostError,
    RoutineMovedOnError,
    RoutineNotFoundError,
)
from apps.agent.models import DecisionStatus, RoutineStatus
from monolith import entering
from monolith.contracts import acting
from monolith.testing.jobs import Jobs
from tests.apps.agent.conftest import TENANT

MINUTE = timedelta(minutes=1)


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_agent")
class TestLocks:
    def test_a_lock_has_one_holder(self) -> None:
        held = locks.acquire(name="printer", holder="ada", ttl=MINUTE)

        with pytest.raises(LockHeldError, match="ada"):
            locks.acquire(name="printer", holder="bob", ttl=MINUTE)
        assert locks.release(name="printer", lock_id=held.id)
        assert locks.acquire(name="printer", holder="bob", ttl=MINUTE).id != held.id

    def test_its_holder_does_not_take_it_twice(self) -> None:
        locks.acquire(name="printer", holder="ada", ttl=MINUTE)

        with pytest.raises(LockHeldError):
            locks.acquire(name="printer", holder="ada", ttl=MINUTE)

    def test_it_is_stolen_after_its_time_only_and_then_has_another_id(self, jobs: Jobs) -> None:
        held = locks.acquire(name="printer", holder="ada", ttl=MINUTE)
        jobs.travel(seconds=59)
        with pytest.raises(LockHeldError):
            locks.acquire(name="printer", holder="bob", ttl=MINUTE)
        jobs.travel(seconds=2)

        stolen = locks.acquire(name="printer", holder="bob", ttl=MINUTE)

        assert stolen.id != held.id
        with pytest.raises(LockLostError):
            locks.extend(name="printer", lock_id=held.id, ttl=MINUTE)
        assert not locks.release(name="printer", lock_id=held.id)
        assert locks.extend(name="printer", lock_id=stolen.id, ttl=MINUTE).holder == "bob"

    def test_it_is_held_for_longer_while_it_is_held(self, jobs: Jobs) -> None:
        held = locks.acquire(name="printer", holder="ada", ttl=MINUTE)
        jobs.travel(seconds=50)
        locks.extend(name="printer", lock_id=held.id, ttl=MINUTE)
        jobs.travel(seconds=50)
        with pytest.raises(LockHeldError):
            locks.acquire(name="printer", holder="bob", ttl=MINUTE)
        jobs.travel(seconds=11)
        with pytest.raises(LockLostError):
            locks.extend(name="printer", lock_id=held.id, ttl=MINUTE)


@pytest.mark.usefixtures("committed_db")
def test_of_many_that_want_a_lock_at_once_one_gets_it() -> None:
    got: list[UUID] = []
    together = threading.Barrier(8)

    def take() -> None:
        with entering("agent"), acting(tenant=TENANT):
            together.wait()
            try:
                got.append(locks.acquire(name="printer", holder="x", ttl=MINUTE).id)
            except LockHeldError:
                pass
            finally:
                connections.close_all()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 1


@pytest.mark.usefixtures("committed_db")
def test_of_many_claimants_each_gets_another_job() -> None:
    with entering("agent"), acting(tenant=TENANT):
        put_up = {routines.add(name="tidy", payload={}).id for _ in range(6)}
    got: list[UUID | None] = []
    together = threading.Barrier(8)

    def claim() -> None:
        with entering("agent"), acting(tenant=TENANT):
            together.wait()
            job = routines.claim(holder="x", ttl=MINUTE)
            got.append(job.id if job else None)
            connections.close_all()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    claimed = [each for each in got if each is not None]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= put_up
    assert len(claimed) == 6


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_agent")
class TestRoutineJobs:
    def test_a_job_is_claimed_shown_to_be_alive_and_completed(self, jobs: Jobs) -> None:
        put_up = routines.add(name="tidy", payload={"folder": "a"})
        claimed = routines.claim(holder="ada", ttl=MINUTE)
        assert claimed is not None
        assert (claimed.id, claimed.payload, claimed.claimed_by) == (put_up.id, {"folder": "a"}, "ada")
        assert claimed.claim_id is not None
        assert routines.claim(holder="bob", ttl=MINUTE) is None
        jobs.travel(seconds=50)
        routines.heartbeat(job_id=put_up.id, claim_id=claimed.claim_id, ttl=MINUTE)
        jobs.travel(seconds=50)

        done = routines.complete(job_id=put_up.id, claim_id=claimed.claim_id, succeeded=True, result={"n": 3})

        assert (done.status, done.result) == (RoutineStatus.SUCCEEDED, {"n": 3})
        with pytest.raises(RoutineMovedOnError):
            routines.complete(job_id=put_up.id, claim_id=claimed.claim_id, succeeded=False, result={})

    def test_jobs_are_claimed_oldest_first_and_by_name(self) -> None:
        first, second = (routines.add(name=name, payload={}) for name in ("tidy", "sweep"))

        swept = routines.claim(holder="ada", ttl=MINUTE, name="sweep")
        tidied = routines.claim(holder="ada", ttl=MINUTE)

        assert [swept and swept.id, tidied and tidied.id] == [second.id, first.id]

    def test_another_claim_moves_nothing(self) -> None:
        put_up = routines.add(name="tidy", payload={})
        routines.claim(holder="ada", ttl=MINUTE)

        with pytest.raises(RoutineMovedOnError):
            routines.heartbeat(job_id=put_up.id, claim_id=uuid4(), ttl=MINUTE)
        with pytest.raises(RoutineNotFoundError):
            routines.heartbeat(job_id=uuid4(), claim_id=uuid4(), ttl=MINUTE)

    def test_a_claimant_that_falls_silent_leaves_its_job_to_a_person(self, jobs: Jobs) -> None:
        put_up = routines.add(name="tidy", payload={})
        claimed = routines.claim(holder="ada", ttl=MINUTE)
        assert claimed is not None
        assert claimed.claim_id is not None
        jobs.travel(seconds=61)

        assert routines.claim(holder="bob", ttl=MINUTE) is None
        with pytest.raises(RoutineMovedOnError):
            routines.complete(job_id=put_up.id, claim_id=claimed.claim_id, succeeded=True, result={})
        resolved = routines.resolve(job_id=put_up.id, status=RoutineStatus.READY, by="user:1", result={})
        assert (resolved.status, resolved.resolved_by) == (RoutineStatus.READY, "user:1")
        again = routines.claim(holder="bob", ttl=MINUTE)
        assert again is not None
        assert (again.id, again.claimed_by) == (put_up.id, "bob")

    def test_a_person_settles_only_what_is_in_doubt(self) -> None:
        put_up = routines.add(name="tidy", payload={})

        with pytest.raises(RoutineMovedOnError):
            routines.resolve(job_id=put_up.id, status=RoutineStatus.FAILED, by="user:1", result={})
        with pytest.raises(ValueError, match="Ready"):
            routines.resolve(job_id=put_up.id, status=RoutineStatus.CLAIMED, by="user:1", result={})

    def test_the_watchdog_doubts_claims_and_closes_decisions(self, jobs: Jobs) -> None:
        routines.add(name="tidy", payload={})
        routines.claim(holder="ada", ttl=MINUTE)
        decisions.ask(question="Really?", options=["yes", "no"], expires_at=datetime.now(UTC) + MINUTE)
        jobs.travel(seconds=61)

        with acting(tenant=""):
            report = watchdog.look(now=datetime.now(UTC))

        assert (report.routine_jobs, report.decisions) == (1, 1)


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_agent")
class TestDecisions:
    def test_a_decision_is_made_once(self) -> None:
        asked = decisions.ask(
            question="Really?", options=["yes", "no"], expires_at=datetime.now(UTC) + MINUTE
        )

        made = decisions.decide(decision_id=asked.id, choice="yes", by="user:1")

        assert (made.status, made.choice, made.decided_by) == (DecisionStatus.DECIDED, "yes", "user:1")
        with pytest.raises(DecisionOverError, match="decided"):
            decisions.decide(decision_id=asked.id, choice="no", by="user:2")

    def test_only_what_was_put_up_can_be_chosen(self) -> None:
        asked = decisions.ask(
            question="Really?", options=["yes", "no"], expires_at=datetime.now(UTC) + MINUTE
        )

        with pytest.raises(DecisionOverError, match="maybe"):
            decisions.decide(decision_id=asked.id, choice="maybe", by="user:1")
        with pytest.raises(DecisionNotFoundError):
            decisions.decide(decision_id=uuid4(), choice="yes", by="user:1")

    def test_it_expires(self, jobs: Jobs) -> None:
        asked = decisions.ask(
            question="Really?", options=["yes", "no"], expires_at=datetime.now(UTC) + MINUTE
        )
        jobs.travel(seconds=61)

        with pytest.raises(DecisionOverError, match="expired"):
            decisions.decide(decision_id=asked.id, choice="yes", by="user:1")
        assert decisions.get(asked.id).status == DecisionStatus.EXPIRED
