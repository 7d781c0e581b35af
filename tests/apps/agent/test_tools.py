"""What outside agents can do through tools, and that each sees its own tenant alone."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from apps.agent import decisions, routines
from apps.agent.models import Decision, DecisionStatus, RoutineJob, RoutineStatus, ServiceCall
from apps.agent.queries import own
from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from monolith import atomic, entering
from monolith.contracts import acting, forget_decisions
from monolith.testing.events import Events
from monolith.testing.jobs import Jobs
from monolith.tools.calls import call_tool
from monolith.tools.registry import tools
from monolith.tools.tokens import Identity
from tests.tool_calls import all_items, answer, guest, refusal

pytestmark = pytest.mark.usefixtures("committed_db", "tenants_granted")

REQUEST = {"method": "POST", "url": "https://api.example/things", "body": '{"n": 1}'}


@pytest.fixture
def tenants_granted(committed_db: None) -> Iterator[None]:
    """Let every token do everything of agent for the tenants acme and apex."""
    forget_decisions()
    with entering("compliance"):
        compliance.make_rule(Rule(action="agent.*", right="agent.use"), by="user:1")
        for tenant in ("acme", "apex"):
            compliance.make_grant(Grant(subject="token:*", right="agent.use", tenant=tenant), by="user:1")
    forget_decisions()
    yield
    forget_decisions()


@pytest.fixture
def acme() -> Identity:
    return guest(tenant="acme", name="worker")


@pytest.fixture
def apex() -> Identity:
    return guest(tenant="apex")


class TestCalls:
    def test_a_call_is_taken_once_and_seen(self, acme: Identity, events: Events) -> None:
        asked = {
            "idempotency_key": "k1",
            "name": "things",
            "request": REQUEST,
            "due_at": "2026-12-24T08:00:00Z",
        }

        first = answer(acme, "agent_submit_call", **asked)
        again = answer(acme, "agent_submit_call", **asked)
        before = answer(acme, "agent_get_call", call_id=first["id"])
        events.deliver()

        assert (first["is_new"], again) == (True, {"id": first["id"], "is_new": False})
        assert before["status"] == "Submitted"
        (listed,) = all_items(acme, "agent_list_calls")
        assert (listed["id"], listed["status"]) == (first["id"], "Scheduled")
        assert listed["request"]["url"] == REQUEST["url"]
        assert answer(acme, "agent_list_calls", status="Failed")["items"] == []
        told = refusal(acme, "agent_submit_call", **asked | {"name": "others"})
        assert "'k1' stands for call" in told

    def test_keys_count_within_their_token(self, acme: Identity) -> None:
        other = guest(tenant="acme", name="helper")
        asked = {"idempotency_key": "1" * 200, "name": "things", "request": REQUEST}

        first = answer(acme, "agent_submit_call", **asked)
        same = answer(other, "agent_submit_call", **asked)
        others = answer(other, "agent_submit_call", **asked | {"idempotency_key": "2", "name": "others"})

        assert len({first["id"], same["id"], others["id"]}) == 3
        assert (first["is_new"], same["is_new"]) == (True, True)
        again = answer(acme, "agent_submit_call", **asked)
        assert again == {"id": first["id"], "is_new": False}

    def test_without_a_due_time_it_is_the_same_call_when_it_is_sent_again(self, acme: Identity) -> None:
        asked = {"idempotency_key": "k1", "name": "things", "request": REQUEST}

        first = answer(acme, "agent_submit_call", **asked)

        assert answer(acme, "agent_submit_call", **asked) == {"id": first["id"], "is_new": False}

    def test_it_is_moved_and_cancelled(self, acme: Identity, events: Events) -> None:
        asked = {
            "idempotency_key": "k1",
            "name": "things",
            "request": REQUEST,
            "due_at": "2026-12-24T08:00:00Z",
        }
        call = answer(acme, "agent_submit_call", **asked)["id"]
        events.deliver()

        answer(acme, "agent_reschedule_call", call_id=call, due_at="2026-12-25T08:00:00Z")
        events.deliver()
        assert answer(acme, "agent_get_call", call_id=call)["due_at"] == "2026-12-25T08:00:00Z"

        answer(acme, "agent_cancel_call", call_id=call)
        events.deliver()
        ended = answer(acme, "agent_get_call", call_id=call)
        assert (ended["status"], ended["outcome"]["reason"]) == ("Failed", "cancelled")
        assert "only one that is Scheduled" in refusal(acme, "agent_cancel_call", call_id=call)

    def test_what_is_not_taken_is_refused_with_the_reason(self, acme: Identity) -> None:
        def asked(**request: Any) -> str:
            return refusal(
                acme, "agent_submit_call", idempotency_key="k", name="x", request=REQUEST | request
            )

        assert "carries credentials" in asked(headers={"Authorization": "Bearer x"})
        assert "user or password" in asked(url="https://me:secret@api.example/")
        late = {"idempotency_key": "k", "name": "x", "request": REQUEST, "due_at": "2090-01-01T00:00:00Z"}
        assert "366 days" in refusal(acme, "agent_submit_call", **late)
        missing = refusal(acme, "agent_get_call", call_id=str(uuid4()))
        assert missing.endswith("agent_list_calls lists its calls.")


class TestLocks:
    def test_a_lock_has_one_holder_and_another_id_when_it_is_stolen(self, acme: Identity, jobs: Jobs) -> None:
        other = guest(tenant="acme", name="other")
        held = answer(acme, "agent_acquire_lock", name="printer", ttl_s=60, worker="one")
        assert held["holder"] == "token:worker/one"
        assert "held by token:worker/one" in refusal(other, "agent_acquire_lock", name="printer", ttl_s=60)
        answer(acme, "agent_extend_lock", name="printer", lock_id=held["id"], ttl_s=90)
        jobs.travel(seconds=61)
        refusal(other, "agent_acquire_lock", name="printer", ttl_s=60)
        jobs.travel(seconds=30)

        stolen = answer(other, "agent_acquire_lock", name="printer", ttl_s=60)

        assert stolen["id"] != held["id"]
        assert "Stop what it guards" in refusal(
            acme, "agent_extend_lock", name="printer", lock_id=held["id"], ttl_s=60
        )
        late = answer(acme, "agent_release_lock", name="printer", lock_id=held["id"])
        assert late == {"name": "printer", "released": False}
        (listed,) = all_items(acme, "agent_list_locks")
        assert listed["holder"] == "token:other"
        assert "id" not in listed
        assert answer(other, "agent_release_lock", name="printer", lock_id=stolen["id"])["released"]
        assert all_items(acme, "agent_list_locks") == []


class TestRoutineJobs:
    def test_work_is_put_up_claimed_and_reported_on_once(self, acme: Identity) -> None:
        put_up = {"idempotency_key": "a", "name": "tidy", "payload": {"folders": ["x", {"deep": None}]}}
        job = answer(acme, "agent_add_routine_job", **put_up)
        assert answer(acme, "agent_add_routine_job", **put_up) == job
        assert "says something else" in refusal(acme, "agent_add_routine_job", **put_up | {"name": "sort"})
        answer(acme, "agent_add_routine_job", idempotency_key="b", name="tidy")

        claim = {"idempotency_key": "c", "ttl_s": 60, "name": "tidy", "worker": "one"}
        claimed = answer(acme, "agent_claim_routine_job", **claim)["job"]
        assert answer(acme, "agent_claim_routine_job", **claim)["job"]["id"] == claimed["id"] == job["id"]

        mine = {"job_id": claimed["id"], "claim_id": claimed["claim_id"]}
        answer(acme, "agent_extend_claim", **mine, ttl_s=90)
        done = answer(acme, "agent_complete_routine_job", **mine, succeeded=True, result={"moved": 3})
        assert (done["status"], done["result"]) == ("Succeeded", {"moved": 3})
        assert "Succeeded" in refusal(acme, "agent_complete_routine_job", **mine, succeeded=False)
        assert answer(acme, "agent_claim_routine_job", **claim)["job"]["status"] == "Succeeded"
        nothing = {"idempotency_key": "d", "ttl_s": 60, "name": "other"}
        assert answer(acme, "agent_claim_routine_job", **nothing) == {"job": None}
        assert len(all_items(acme, "agent_list_routine_jobs", limit=1)) == 2
        assert len(all_items(acme, "agent_list_routine_jobs", status="Ready")) == 1

    def test_two_tokens_with_the_same_key_have_two_claims(self, acme: Identity) -> None:
        other = guest(tenant="acme")
        for key in ("a", "b"):
            answer(acme, "agent_add_routine_job", idempotency_key=key, name="tidy")

        claims = [
            answer(each, "agent_claim_routine_job", idempotency_key="k", ttl_s=60)["job"]
            for each in (acme, other)
        ]

        assert len({claim["id"] for claim in claims}) == len({claim["claim_id"] for claim in claims}) == 2

    def test_a_claim_is_known_after_a_person_has_settled_it(self, acme: Identity, jobs: Jobs) -> None:
        for key in ("a", "b"):
            answer(acme, "agent_add_routine_job", idempotency_key=key, name="tidy")
        claim = {"idempotency_key": "c", "ttl_s": 60}
        claimed = answer(acme, "agent_claim_routine_job", **claim)["job"]
        jobs.travel(seconds=61)
        with entering("agent"), acting(tenant="acme"):
            routines.resolve(
                job_id=claimed["id"], status=RoutineStatus.SUCCEEDED, by="user:1", result={"seen": True}
            )

        again = answer(acme, "agent_claim_routine_job", **claim)["job"]

        assert (again["id"], again["status"], again["result"]) == (claimed["id"], "Succeeded", {"seen": True})
        assert len(all_items(acme, "agent_list_routine_jobs", status="Ready")) == 1

    def test_whoever_falls_silent_leaves_it_to_a_person(self, acme: Identity, jobs: Jobs) -> None:
        answer(acme, "agent_add_routine_job", idempotency_key="a", name="tidy")
        claimed = answer(acme, "agent_claim_routine_job", idempotency_key="c", ttl_s=60)["job"]
        jobs.travel(seconds=61)

        (listed,) = all_items(acme, "agent_list_routine_jobs")
        assert listed["status"] == "Unknown"
        assert all_items(acme, "agent_list_routine_jobs", status="Claimed") == []
        assert len(all_items(acme, "agent_list_routine_jobs", status="Unknown")) == 1
        mine = {"job_id": claimed["id"], "claim_id": claimed["claim_id"]}
        refusal(acme, "agent_complete_routine_job", **mine, succeeded=True)
        assert answer(acme, "agent_claim_routine_job", idempotency_key="d", ttl_s=60) == {"job": None}
        assert (
            answer(acme, "agent_claim_routine_job", idempotency_key="c", ttl_s=60)["job"]["status"]
            == "Unknown"
        )
        assert not [name for name in tools() if "resolve" in name or name == "agent_decide"]


class TestDecisions:
    def test_a_question_is_asked_once_and_looked_at(self, acme: Identity, jobs: Jobs) -> None:
        asked = {"idempotency_key": "q", "question": "Send it?", "options": ["yes", "no"], "life_s": 60}
        first = answer(acme, "agent_ask_decision", **asked)
        assert answer(acme, "agent_ask_decision", **asked) == first
        assert "says something else" in refusal(acme, "agent_ask_decision", **asked | {"question": "Why?"})
        with entering("agent"), acting(tenant="acme"):
            decisions.decide(decision_id=first["id"], choice="yes", by="user:7")

        seen = answer(acme, "agent_get_decision", decision_id=first["id"])

        assert (seen["status"], seen["choice"], seen["decided_by"]) == ("Decided", "yes", "user:7")

        answer(acme, "agent_ask_decision", **asked | {"idempotency_key": "r"})
        jobs.travel(seconds=61)
        (over,) = all_items(acme, "agent_list_decisions", status="Expired")
        assert (
            answer(acme, "agent_get_decision", decision_id=over["id"])["status"]
            == over["status"]
            == "Expired"
        )
        assert all_items(acme, "agent_list_decisions", status="Open") == []
        assert len(all_items(acme, "agent_list_decisions", limit=1)) == 2
        with entering("agent"), acting(tenant="acme"), atomic():
            kept = own(Decision).get(id=over["id"])
            assert kept.status == DecisionStatus.OPEN  # a tool that reads wrote nothing


class TestWhoMay:
    def test_what_the_gate_does_not_let_a_token_do_does_not_happen(self) -> None:
        nobody = guest(tenant="initech", name="nobody")
        attempts: dict[str, dict[str, Any]] = {
            "agent_submit_call": {"idempotency_key": "k", "name": "x", "request": REQUEST},
            "agent_reschedule_call": {"call_id": str(uuid4()), "due_at": "2026-12-24T08:00:00Z"},
            "agent_cancel_call": {"call_id": str(uuid4())},
            "agent_acquire_lock": {"name": "printer", "ttl_s": 60},
            "agent_extend_lock": {"name": "printer", "ttl_s": 60, "lock_id": str(uuid4())},
            "agent_release_lock": {"name": "printer", "lock_id": str(uuid4())},
            "agent_add_routine_job": {"idempotency_key": "k", "name": "tidy"},
            "agent_claim_routine_job": {"idempotency_key": "k", "ttl_s": 60},
            "agent_extend_claim": {"job_id": str(uuid4()), "claim_id": str(uuid4()), "ttl_s": 60},
            "agent_complete_routine_job": {
                "job_id": str(uuid4()),
                "claim_id": str(uuid4()),
                "succeeded": True,
            },
            "agent_ask_decision": {"idempotency_key": "k", "question": "Why?", "options": ["a", "b"]},
        }
        for name, arguments in attempts.items():
            told = refusal(nobody, name, **arguments)
            assert "token:nobody may not agent." in told
            assert "Missing: the right agent.use" in told
        assert attempts.keys() == {
            name for name, tool in tools().items() if tool.module == "agent" and tool.tag != "read"
        }
        for model in ("locks", "routine_jobs", "decisions", "calls"):
            assert all_items(nobody, f"agent_list_{model}") == []

    def test_a_token_without_a_tenant_is_told_so(self) -> None:
        me = guest()

        assert "made for a tenant" in refusal(me, "agent_list_calls")
        assert "made for a tenant" in refusal(me, "agent_acquire_lock", name="printer", ttl_s=60)

    def test_two_tenants_never_see_or_touch_each_others_rows(
        self, acme: Identity, apex: Identity, events: Events
    ) -> None:
        call = answer(acme, "agent_submit_call", idempotency_key="k", name="x", request=REQUEST)["id"]
        lock = answer(acme, "agent_acquire_lock", name="printer", ttl_s=60)
        answer(acme, "agent_add_routine_job", idempotency_key="k", name="tidy", payload={"whose": "acme"})
        job = answer(acme, "agent_claim_routine_job", idempotency_key="c", ttl_s=60)["job"]
        question = answer(
            acme, "agent_ask_decision", idempotency_key="k", question="Why?", options=["a", "b"]
        )["id"]
        events.deliver()

        for kind in ("calls", "locks", "routine_jobs", "decisions"):
            assert all_items(acme, f"agent_list_{kind}")
            assert all_items(apex, f"agent_list_{kind}") == []
        refusal(apex, "agent_get_call", call_id=call)
        refusal(apex, "agent_cancel_call", call_id=call)
        refusal(apex, "agent_get_decision", decision_id=question)
        refusal(apex, "agent_extend_lock", name="printer", lock_id=lock["id"], ttl_s=60)
        assert not answer(apex, "agent_release_lock", name="printer", lock_id=lock["id"])["released"]
        mine = {"job_id": job["id"], "claim_id": job["claim_id"]}
        refusal(apex, "agent_complete_routine_job", **mine, succeeded=False)
        assert answer(apex, "agent_claim_routine_job", idempotency_key="c", ttl_s=60) == {"job": None}
        # The same keys and names are free for the other.
        assert answer(apex, "agent_submit_call", idempotency_key="k", name="x", request=REQUEST)["id"] != call
        assert answer(apex, "agent_acquire_lock", name="printer", ttl_s=60)["id"] != lock["id"]
        theirs = answer(apex, "agent_add_routine_job", idempotency_key="k", name="tidy")
        assert (theirs["id"] != job["id"], theirs["payload"]) == (True, {})
        told = call_tool(apex, "agent_list_calls", {"tenant_id": "acme"})
        assert told.outcome == "invalid"
        with entering("agent"), acting(tenant="acme"), atomic():
            assert own(RoutineJob).get().status == "Claimed"
            assert own(ServiceCall).get().status in ("Scheduled", "Running")
