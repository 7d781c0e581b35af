"""What staff do for a tenant over HTTP: compliance is asked first, by that tenant's grants."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.agent import locks, sample
from apps.agent.tenants import enrol
from apps.compliance import services as compliance
from apps.compliance.models import Grant
from monolith import entering
from monolith.contracts import acting, forget_decisions
from monolith.testing.events import Events
from tests.apps.agent.conftest import TENANT

pytestmark = [pytest.mark.usefixtures("committed_db", "granted")]

API: Final = "/api/agent/tenants"
JSON: Final = "application/json"

NOBODYS = "01a1ff89-e46b-7ac0-be24-3754a05022b2"  # the same in every process that collects the tests


def new(**changes: Any) -> dict[str, Any]:
    request = {
        "method": "POST",
        "url": "https://api.example/things",
        "headers": {"X-Thing": "7"},
        "body": "{}",
    }
    due_at = datetime(2026, 12, 1, tzinfo=UTC)
    return {
        "name": "things",
        "idempotency_key": "k1",
        "request": request,
        "due_at": due_at.isoformat(),
    } | changes


def post(client: Client, path: str, body: dict[str, Any], tenant: str = TENANT) -> Any:
    return client.post(f"{API}/{tenant}/{path}", body, JSON)


def test_a_call_is_submitted_shown_moved_and_cancelled(staff: Client, events: Events) -> None:
    due_at = datetime.now(UTC) + timedelta(days=1)
    taken = post(staff, "calls", new(due_at=due_at.isoformat()))
    assert (taken.status_code, taken.json()["is_new"]) == (202, True)
    href = taken.json()["href"]
    assert staff.get(href).json()["status"] == "Submitted"
    events.deliver()
    assert staff.get(href).json()["status"] == "Scheduled"
    assert [item["id"] for item in staff.get(f"{API}/{TENANT}/calls").json()["items"]] == [taken.json()["id"]]
    assert staff.get(f"{API}/{TENANT}/calls?status=Running").json()["items"] == []

    moved = staff.post(f"{href}/reschedule", {"due_at": (due_at + timedelta(days=1)).isoformat()}, JSON)
    assert moved.status_code == 202
    assert staff.post(f"{href}/cancel").status_code == 202
    events.deliver()
    ended = staff.get(href).json()
    assert (ended["status"], ended["outcome"]["reason"]) == ("Failed", "cancelled")
    assert staff.post(f"{href}/cancel").status_code == 409


def test_the_same_again_is_the_same_call_and_another_is_a_conflict(staff: Client) -> None:
    first = post(staff, "calls", new())
    again = post(staff, "calls", new())
    other = post(staff, "calls", new(name="others"))

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-conflict")
    assert other.json()["call"] == first.json()["id"]


def test_nobody_writes_for_a_tenant_whose_grants_do_not_say_so(staff: Client) -> None:
    refused = post(staff, "calls", new(), tenant="other")

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
    assert refused.json()["missing"]
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    for path, body in (
        ("locks/printer/acquire", {"holder": "ada", "ttl_s": 60}),
        ("routine-jobs", {"name": "tidy"}),
        ("routine-jobs/claim", {"holder": "ada", "ttl_s": 60}),
        ("decisions", {"question": "?", "options": ["a", "b"], "expires_at": soon}),
    ):
        assert post(staff, path, body, tenant="other").status_code == 403


def test_who_may_not_look_does_not(client: Client) -> None:
    client.force_login(get_user_model().objects.create_user("bob", is_staff=True))

    for path in ("calls", f"calls/{uuid4()}", "locks", "routine-jobs", "decisions", f"decisions/{uuid4()}"):
        assert client.get(f"{API}/{TENANT}/{path}").status_code == 403


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        ({"url": "https://a.example/", "headers": {"Authorization": "Bearer x"}}, "#/request/headers"),
        ({"url": "https://ada:x@a.example/"}, "#/request/url"),
        ({"url": "ftp://a.example/"}, "#/request/url"),
        ({"url": "https://a.example/", "headers": {"X-A": "a\r\nX-B: b"}}, "#/request/headers/X-A"),
        ({"url": "https://a.example/", "body": "x" * 65_537, "method": "POST"}, "#/request/body"),
        ({"url": "https://a.example/", "method": "TRACE"}, "#/request/method"),
    ],
)
def test_a_bad_request_names_its_field(staff: Client, request_: dict[str, Any], pointer: str) -> None:
    refused = post(staff, "calls", new(request=request_))

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "path", ["calls", f"calls/{NOBODYS}", "locks", "routine-jobs", "decisions", f"decisions/{NOBODYS}"]
)
def test_nobody_looks_at_a_tenant_whose_grants_do_not_say_so(staff: Client, path: str) -> None:
    refused = staff.get(f"{API}/other/{path}")

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
    assert staff.get(f"{API}/{TENANT}/{path}").status_code in (200, 404)


def test_calls_of_another_tenant_are_not_found(staff: Client, events: Events) -> None:
    taken = post(staff, "calls", new())
    events.deliver()
    with entering("compliance"):
        compliance.make_grant(Grant(subject="user:*", right="agent.use", tenant="other"), by="command:test")
    forget_decisions()

    assert staff.get(f"{API}/other/calls/{taken.json()['id']}").status_code == 404
    assert staff.get(f"{API}/other/calls").json()["total"] == 0


def test_a_lock_is_taken_held_and_let_go(staff: Client) -> None:
    held = post(staff, "locks/printers/1/acquire", {"holder": "ada", "ttl_s": 60})
    assert held.status_code == 200
    proof = {"id": held.json()["id"]}
    assert post(staff, "locks/printers/1/acquire", {"holder": "bob", "ttl_s": 60}).status_code == 409
    assert post(staff, "locks/printers/1/extend", proof | {"ttl_s": 90}).status_code == 200
    [shown] = staff.get(f"{API}/{TENANT}/locks").json()["items"]
    assert (shown["name"], "id" in shown) == ("printers/1", False)
    assert post(staff, "locks/printers/1/release", proof).status_code == 204
    assert post(staff, "locks/printers/1/extend", proof | {"ttl_s": 90}).status_code == 409


def test_a_routine_job_goes_from_hand_to_hand(staff: Client) -> None:
    assert post(staff, "routine-jobs/claim", {"holder": "ada", "ttl_s": 60}).status_code == 204
    put_up = post(staff, "routine-jobs", {"name": "tidy", "payload": {"a": 1}}).json()
    claimed = post(staff, "routine-jobs/claim", {"holder": "ada", "ttl_s": 60}).json()
    assert claimed["id"] == put_up["id"]
    proof = {"claim_id": claimed["claim_id"]}
    assert post(staff, f"routine-jobs/{put_up['id']}/heartbeat", proof | {"ttl_s": 60}).status_code == 200
    done = post(staff, f"routine-jobs/{put_up['id']}/complete", proof | {"succeeded": True})
    assert done.json()["status"] == "Succeeded"
    settled = post(staff, f"routine-jobs/{put_up['id']}/resolve", {"status": "Ready"})
    assert settled.status_code == 409
    [shown] = staff.get(f"{API}/{TENANT}/routine-jobs?status=Succeeded").json()["items"]
    assert "claim_id" not in shown


def test_a_decision_is_asked_for_and_made(staff: Client) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    asked = post(staff, "decisions", {"question": "Really?", "options": ["yes", "no"], "expires_at": soon})
    assert asked.status_code == 201
    path = f"decisions/{asked.json()['id']}"
    assert post(staff, f"{path}/decide", {"choice": "maybe"}).status_code == 409
    assert post(staff, f"{path}/decide", {"choice": "yes"}).json()["choice"] == "yes"
    assert staff.get(f"{API}/{TENANT}/{path}").json()["status"] == "Decided"
    listed = staff.get(f"{API}/{TENANT}/decisions").json()["items"]
    assert [each["id"] for each in listed] == [asked.json()["id"]]
    late = {"question": "?", "options": ["a", "b"], "expires_at": "2020-01-01T00:00:00Z"}
    assert post(staff, "decisions", late).status_code == 422


@pytest.mark.parametrize(
    ("page", "rows"),
    [("servicecall", 3), ("attempt", 0), ("timer", 3), ("lock", 1), ("routinejob", 1), ("decision", 1)],
)
def test_the_admin_shows_one_tenants_rows(staff: Client, events: Events, page: str, rows: int) -> None:
    sample.load()
    events.deliver()
    with entering("agent"), acting(tenant=sample.TENANT):
        locks.acquire(name="printer", holder="ada", ttl=timedelta(minutes=1))

    shown = staff.get(f"/admin/agent/{page}/?tenant={sample.TENANT}")

    assert (shown.status_code, shown.context["cl"].result_count) == (200, rows)
    assert f'<option value="{sample.TENANT}">' in shown.content.decode()
    assert staff.get(f"/admin/agent/{page}/").context["cl"].result_count == 0


def test_the_admin_shows_one_call_from_its_tenants_list(staff: Client, events: Events) -> None:
    taken = post(staff, "calls", new()).json()
    events.deliver()
    page = f"/admin/agent/servicecall/{taken['id']}/change/"

    assert staff.get(page, {"_changelist_filters": f"tenant={TENANT}"}).status_code == 200
    assert staff.get(page).status_code == 302


def test_the_list_of_tenants_has_those_that_the_caller_may_look_at(staff: Client, events: Events) -> None:
    post(staff, "calls", new())
    with entering("agent"), acting(tenant="other"):
        enrol()
    events.deliver()

    assert staff.get(API).json() == [{"tenant": TENANT}]
