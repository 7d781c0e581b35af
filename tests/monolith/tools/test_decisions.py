"""Restricted tools: a person's yes to one call, for a while, and at most one execution of it."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone

from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection
from monolith.tools import Tag, decisions, tokens, tool
from monolith.tools.attempt import Told
from monolith.tools.calls import call_tool
from monolith.tools.models import Decision, ToolCall
from monolith.tools.tokens import Identity
from tests.monolith.tools.offered_tools import offered
from tests.tool_calls import guest

pytestmark = pytest.mark.usefixtures("committed_db")

TESTS = os.getpid()
closed: list[str] = []


@tool(tag=Tag.RESTRICTED, from_users=False)
def close_hut(*, name: str, beds: int = 0) -> str:
    """Close a hut."""
    if name == "crash" and os.getpid() != TESTS:  # in the child alone
        os.kill(os.getpid(), signal.SIGKILL)
    closed.append(name)
    return name


@pytest.fixture(autouse=True)
def restricted() -> Iterator[None]:
    closed.clear()
    with offered("home", close_hut):
        yield


def call(identity: Identity, name: str = "alpine", **more: object) -> Told:
    return call_tool(identity, "home_close_hut", {"name": name} | more)


def decided(*, approved: bool = True) -> Decision:
    decision = Decision.objects.get(status="pending")
    assert decisions.decide(decision.pk, approved=approved, by="warden")
    return decision


def outcomes() -> list[str]:
    return list(ToolCall.objects.order_by("at").values_list("outcome", flat=True))


def test_a_call_waits_for_a_person_and_happens_once() -> None:
    agent = guest("restricted:home")

    first, second = call(agent), call(agent)
    decision = decided()
    assert (first.outcome, second.outcome, closed) == ("undecided", "undecided", [])
    assert str(decision.pk) in first.text
    assert str(decision.pk) in second.text  # asked once, however often it is called
    assert decision.arguments == {"name": "alpine", "beds": 0}

    third, fourth = call(agent, beds=0), call(agent)
    assert (third.outcome, fourth.outcome, closed) == ("succeeded", "undecided", ["alpine"])
    decision.refresh_from_db()
    assert decision.status == "used"
    assert ToolCall.objects.get(outcome="succeeded").pk == decision.call_id
    assert outcomes() == ["undecided", "undecided", "succeeded", "undecided"]


def test_of_calls_at_the_same_time_one_happens() -> None:
    agent = guest("restricted:home")
    call(agent)
    decided()
    together = Barrier(8)

    def race(_: int) -> str:
        together.wait()
        try:
            return call(agent).outcome
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        found = sorted(threads.map(race, range(8)))

    assert found == ["succeeded"] + ["undecided"] * 7
    assert closed == ["alpine"]
    assert Decision.objects.filter(status="pending").count() == 1


def test_a_refusal_holds_until_its_time_is_over() -> None:
    agent = guest("restricted:home")
    call(agent)
    decision = decided(approved=False)
    assert "refused this call" in call(agent).text
    assert not decisions.decide(decision.pk, approved=True, by="another")
    Decision.objects.update(expires_at=timezone.now())
    assert "has to confirm" in call(agent).text
    assert Decision.objects.count() == 2
    assert closed == []


@pytest.mark.parametrize("approved", [True, False])
def test_what_is_over_is_asked_anew(approved: bool) -> None:
    agent = guest("restricted:home")
    call(agent)
    decision = Decision.objects.get()
    if approved:
        decided()
    Decision.objects.update(expires_at=timezone.now())
    assert not decisions.decide(decision.pk, approved=True, by="warden")
    assert call(agent).outcome == "undecided"
    assert sorted(Decision.objects.values_list("status", flat=True)) == ["expired", "pending"]
    assert closed == []


def test_a_yes_is_to_one_call_of_one_token() -> None:
    agent, other = guest("restricted:home"), guest("restricted:home")
    call(agent)
    decided()
    for told in (
        call(agent, "another"),
        call(agent, "alpine "),
        call(agent, beds=1),
        call(other),
    ):
        assert told.outcome == "undecided"
    assert call(agent, tenant="b").outcome == "invalid"
    assert closed == []
    assert call(agent).outcome == "succeeded"
    assert closed == ["alpine"]


def test_a_token_that_ended_meanwhile_calls_nothing_and_its_questions_are_over() -> None:
    agent = guest("restricted:home")
    call(agent, "first")
    decided()
    call(agent, "second")
    waiting = Decision.objects.get(status="pending")
    tokens.revoke(agent.name)
    assert call(agent, "first").outcome == "forbidden"
    assert not decisions.decide(waiting.pk, approved=True, by="warden")
    assert closed == []


def test_a_token_asks_about_so_many_calls_at_a_time() -> None:
    agent, other = guest("restricted:home"), guest("restricted:home")
    for number in range(decisions.MAX_WAITING):
        call(agent, f"hut {number}")
    told = call(agent, "one more")
    assert "20 calls of this token wait" in told.text
    assert Decision.objects.count() == decisions.MAX_WAITING
    assert "once it was approved" in call(agent, "hut 3").text  # known already
    assert "once it was approved" in call(other).text
    assert "cannot read" in call(agent, "x" * 30_000).text


def test_a_process_that_dies_in_a_call_leaves_it_on_record_and_the_decision_used() -> None:
    agent = guest("restricted:home")
    call(agent, "crash")
    decision = decided()
    connections.close_all()

    child = os.fork()
    if child == 0:
        try:
            call(agent, "crash")
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    decision.refresh_from_db()
    assert decision.call_id is not None
    kept = ToolCall.objects.get(pk=decision.call_id)
    assert (decision.status, kept.outcome, kept.arguments) == ("used", "running", {"name": "crash"})
    assert call(agent, "crash").outcome == "undecided"  # at most once: a person is asked again
    assert outcomes() == ["undecided", "running", "undecided"]


def test_a_call_that_cannot_be_kept_does_not_happen(cluster: PostgresCluster) -> None:
    agent = guest("restricted:home")
    call(agent)
    decision = decided()
    name = connections["default"].settings_dict["NAME"]
    with admin_connection(cluster, name) as admin:
        refuse = "CREATE FUNCTION platform.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'full'; END$$"
        admin.execute(refuse)
        admin.execute(
            "CREATE TRIGGER refused BEFORE INSERT ON platform.monolith_tools_call EXECUTE FUNCTION platform.refuse()"
        )
        try:
            with pytest.raises(DatabaseError, match="full"):
                call(agent)
        finally:
            admin.execute("DROP FUNCTION platform.refuse() CASCADE")
    decision.refresh_from_db()
    assert (decision.status, closed) == ("approved", [])
    assert call(agent).outcome == "succeeded"
