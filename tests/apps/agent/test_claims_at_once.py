"""The same key at the same time is one claim, job or question, by real threads and committed rows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connections

from apps.agent import decisions, routines, statements
from apps.agent.models import Decision, RoutineJob, RoutineStatus, Submission
from apps.agent.queries import own
from monolith import atomic, entering
from monolith.contracts import acting
from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection
from tests.apps.agent.conftest import TENANT, submit
from tests.lock_waits import wait_until_one_waits

pytestmark = pytest.mark.usefixtures("committed_db")

AT_ONCE = 6
MINUTE = timedelta(minutes=1)
PLANTED = """
INSERT INTO agent_routinejob
    (tenant_id, id, name, payload, status, claim_id, claimed_by, claim_expires_at, resolved_by)
VALUES (%s, %s, 'tidy', '{}', %s, %s, '', now() + make_interval(secs => %s), '')
"""


def at_once[T](act: Callable[[], T]) -> list[T]:
    """Return what each of AT_ONCE threads gets that do the same together, as agent for one tenant."""
    together = Barrier(AT_ONCE)

    def take_part(_: int) -> T:
        with entering("agent"), acting(tenant=TENANT):
            try:
                with atomic():
                    own(RoutineJob).exists()  # connected before all begin
                together.wait(timeout=30)
                return act()
            finally:
                connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(take_part, range(AT_ONCE)))


def put_up(count: int) -> None:
    with entering("agent"), acting(tenant=TENANT):
        for _ in range(count):
            routines.add(name="tidy", payload={})


def claimed() -> list[UUID]:
    with entering("agent"), acting(tenant=TENANT), atomic():
        return list(own(RoutineJob).filter(status=RoutineStatus.CLAIMED).values_list("id", flat=True))


@pytest.mark.parametrize("jobs", [1, AT_ONCE])
def test_one_claim_that_is_sent_many_times_holds_one_job_and_all_hear_of_it(jobs: int) -> None:
    put_up(jobs)
    claim_id = uuid4()

    got = at_once(lambda: routines.claim(holder="x", ttl=MINUTE, claim_id=claim_id))

    (held,) = claimed()
    assert [job and job.id for job in got] == [held] * AT_ONCE


def test_claims_of_several_keys_get_a_job_each() -> None:
    put_up(AT_ONCE)

    got = at_once(lambda: routines.claim(holder="x", ttl=MINUTE, claim_id=uuid4()))

    assert {job.id for job in got if job} == set(claimed())
    assert len(claimed()) == AT_ONCE


def test_the_database_refuses_two_jobs_of_one_claim() -> None:
    put_up(2)
    held = {
        "status": RoutineStatus.CLAIMED,
        "claim_id": uuid4(),
        "claim_expires_at": datetime.now(UTC) + MINUTE,
    }

    with (
        entering("agent"),
        acting(tenant=TENANT),
        pytest.raises(IntegrityError, match="agent_routine_claim_key"),
        atomic(),
    ):
        own(RoutineJob).update(**held)


def test_a_claim_that_meets_another_server_without_turns_gets_what_that_one_got(
    cluster: PostgresCluster,
) -> None:
    """The constraint alone decides: the other one's claim is written and not committed while this one looks."""
    put_up(2)
    claim_id = uuid4()

    def claim() -> RoutineJob | None:
        with entering("agent"), acting(tenant=TENANT):
            try:
                return routines.claim(holder="x", ttl=MINUTE, claim_id=claim_id)
            finally:
                connections.close_all()

    with ThreadPoolExecutor(1) as pool, entering("agent"), acting(tenant=TENANT):
        with atomic():
            (others,) = statements.run("claim_routine_job", claim=claim_id, holder="y", ttl=MINUTE, name="")[
                0
            ]
            answer = pool.submit(claim)
            wait_until_one_waits(cluster, connections["agent"].settings_dict["NAME"], "agent_routinejob")
        got = answer.result(timeout=30)

    assert got is not None
    assert [got.id] == claimed() == [others]


def test_the_migration_leaves_each_claim_its_last_job_and_the_others_in_doubt(
    cluster: PostgresCluster,
) -> None:
    migration = import_module("apps.agent.migrations.0003_one_job_a_claim")
    name = connections["agent"].settings_dict["NAME"]
    jobs = [
        ("acme", 1, "Claimed", 60),
        ("acme", 1, "Claimed", 90),
        ("acme", 1, "Succeeded", 30),
        ("acme", 2, "Claimed", 60),
        ("acme", None, "Ready", None),
        ("apex", 1, "Claimed", 10),
    ]
    with admin_connection(cluster, name) as connection, connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path TO agent")
        connection.execute("DROP INDEX agent_routine_claim_key")
        for number, (tenant, claim, status, expires) in enumerate(jobs):
            connection.execute(
                PLANTED, (tenant, UUID(int=number), status, claim and UUID(int=claim), expires)
            )
        connection.execute(migration.PART)
        kept = connection.execute("SELECT status, claim_id FROM agent_routinejob ORDER BY id").fetchall()

    assert kept == [
        ("Unknown", None),
        ("Claimed", UUID(int=1)),
        ("Succeeded", None),
        ("Claimed", UUID(int=2)),
        ("Ready", None),
        ("Claimed", UUID(int=1)),
    ]


@pytest.mark.parametrize(
    ("act", "model"),
    [
        (lambda key: routines.add(name="tidy", payload={}, job_id=key).id, RoutineJob),
        (
            lambda key: (
                decisions.ask(
                    question="Really?",
                    options=["yes", "no"],
                    expires_at=datetime.now(UTC) + MINUTE,
                    decision_id=key,
                ).id
            ),
            Decision,
        ),
        (lambda key: submit(str(key), due_at=datetime(2026, 12, 24, tzinfo=UTC)), Submission),
    ],
    ids=["routine job", "decision", "call"],
)
def test_whatever_a_key_stands_for_is_put_up_once(act: Callable[[UUID], UUID], model: Any) -> None:
    key = uuid4()

    got = at_once(lambda: act(key))

    with entering("agent"), acting(tenant=TENANT), atomic():
        assert set(own(model).values_list("id", flat=True)) == set(got)
    assert len(set(got)) == 1
