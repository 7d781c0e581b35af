"""What staff may do, over HTTP, and that compliance is asked before a service level changes."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
import time_machine
from django.test import Client, override_settings
from django.utils import timezone

from apps.compliance import services as compliance
from apps.compliance.models import AuditEntry, Grant, Rule
from apps.home import services
from apps.home.calendar.fixture import FixtureCalendar
from apps.home.events import refresh_calendar
from apps.home.models import Service, SloSnapshot
from apps.home.probing import probe_services
from apps.home.rollup import roll_up
from apps.home.samples.postgres import PostgresSamples
from apps.home.services import MAX_SERVICES
from monolith import entering
from monolith.contracts import forget_decisions
from monolith.http.api import api_of
from monolith.profile import Profile
from tests.apps.home.flaky_server import FlakyServer

pytestmark = pytest.mark.django_db(databases="__all__")

API: Final = "/api/home"
JSON: Final = "application/json"
NEW: Final = {"slug": "web", "name": "Web", "path": "/healthz"}


@pytest.fixture(autouse=True)
def nothing_decided() -> Iterator[None]:
    forget_decisions()
    yield
    forget_decisions()


@pytest.fixture
def granted() -> None:
    """Let every user change service levels."""
    with entering("compliance"):
        compliance.make_rule(Rule(action="home.edit_slo", right="home.edit_slo"), by="command:test")
        compliance.make_grant(Grant(subject="user:*", right="home.edit_slo"), by="command:test")


def posted(client: Client, **changes: Any) -> Any:
    return client.post(f"{API}/probes", NEW | changes, JSON)


def test_a_service_is_added_listed_and_edited(staff: Client) -> None:
    added = posted(staff)
    assert (added.status_code, added.json()["origin"], added.json()["answered_at"]) == (201, "", None)
    assert [item["slug"] for item in staff.get(f"{API}/probes").json()["items"]] == ["web"]
    edited = staff.patch(f"{API}/probes/web", {"path": "/readyz", "timeout_ms": 900}, JSON)
    assert (edited.json()["path"], edited.json()["timeout_ms"], edited.json()["name"]) == (
        "/readyz",
        900,
        "Web",
    )
    assert staff.patch(f"{API}/probes/web", {"active": False}, JSON).json()["active"] is False


def test_what_cannot_be_is_refused_and_named(staff: Client) -> None:
    assert posted(staff).status_code == 201
    assert (posted(staff).status_code, posted(staff).json()["type"]) == (409, "/problems/service-exists")
    assert staff.patch(f"{API}/probes/none", {}, JSON).status_code == 404
    for field, value in {
        "slug": "Not a slug",
        "path": "//evil.example.org/",
        "origin": "http://user:secret@host",
        "timeout_ms": 10_001,
        "expected_status": 99,
    }.items():
        refused = posted(staff, **{"slug": "other", field: value})
        assert (refused.status_code, field in str(refused.json()["errors"])) == (422, True), field


@pytest.mark.parametrize("origin", ["http://169.254.169.254", "http://127.0.0.1:5432", "https://example.org"])
def test_an_address_on_no_list_is_refused(staff: Client, origin: str) -> None:
    refused = posted(staff, origin=origin)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert "HOME_PROBE_ORIGINS" in error["detail"]
    with override_settings(HOME_PROBE_ORIGINS=[f"{origin}/"]):
        assert posted(staff, origin=origin).status_code == 201


def test_there_is_an_end_to_services(staff: Client) -> None:
    with entering("home"):
        Service.objects.bulk_create(
            Service(slug=f"s{number}", name="S", path="/") for number in range(MAX_SERVICES)
        )
    assert (posted(staff).status_code, posted(staff).json()["type"]) == (409, "/problems/too-many-services")


def test_samples_come_newest_first(staff: Client, flaky: FlakyServer) -> None:
    flaky.status_of["/"] = lambda number: [200, 503][number]
    now = timezone.now()
    with entering("home"):
        services.add_service(slug="web", name="Web", path="/", origin=flaky.origin)
        for number in range(2):
            probe_services(store=PostgresSamples(), now=now + timedelta(minutes=number))
    page = staff.get(f"{API}/probes/web/samples").json()
    assert page["store"] == "postgresql"
    assert [(item["good"], item["status"], item["failure"]) for item in page["items"]] == [
        (False, 503, "status"),
        (True, 200, ""),
    ]
    assert len(staff.get(f"{API}/probes/web/samples?limit=1").json()["items"]) == 1


def test_a_service_level_is_not_changed_without_leave(staff: Client) -> None:
    posted(staff)
    refused = staff.patch(f"{API}/slo/web", {"target_pct": 90}, JSON)
    assert refused.status_code == 403
    assert refused.json()["type"] == "/problems/not-allowed"
    assert "home.edit_slo" in refused.json()["missing"][0]
    with entering("home"):
        assert Service.objects.get().target_pct == Decimal("99.5")


@pytest.mark.usefixtures("granted")
def test_a_service_level_is_changed_with_leave_and_the_decision_kept(staff: Client) -> None:
    posted(staff)
    changed = staff.patch(f"{API}/slo/web", {"target_pct": 99.95, "window_minutes": 1440}, JSON)
    assert changed.status_code == 200, changed.content
    assert (changed.json()["target_pct"], changed.json()["window_minutes"]) == (99.95, 1440)
    assert staff.patch(f"{API}/slo/web", {"window_minutes": 60}, JSON).json()["target_pct"] == 99.95
    with entering("compliance"):
        kept = AuditEntry.objects.filter(content__event="check").values_list("content", flat=True)
        assert {(c["action"], c["resource"], c["outcome"]) for c in kept} == {
            ("home.edit_slo", "web", "allow")
        }


@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize(
    "change", [{"target_pct": 0}, {"target_pct": 100.1}, {"target_pct": 99.99999}, {"window_minutes": 59}]
)
def test_a_level_that_means_nothing_is_refused(staff: Client, change: dict[str, Any]) -> None:
    posted(staff)
    refused = staff.patch(f"{API}/slo/web", change, JSON)
    assert (refused.status_code, next(iter(change)) in str(refused.json()["errors"])) == (422, True)
    assert staff.patch(f"{API}/slo/none", {"target_pct": 99}, JSON).status_code == 404


@pytest.mark.usefixtures("granted")
def test_history_keeps_the_level_of_its_time(staff: Client, flaky: FlakyServer) -> None:
    flaky.status_of["/"] = lambda number: 500 if number == 0 else 200
    now = timezone.now()
    with entering("home"):
        services.add_service(slug="web", name="Web", path="/", origin=flaky.origin)
        for number in range(10):
            probe_services(store=PostgresSamples(), now=now + timedelta(minutes=number))
        roll_up(store=PostgresSamples(), now=now + timedelta(minutes=9))
    assert staff.patch(f"{API}/slo/web", {"target_pct": 90}, JSON).status_code == 200
    with entering("home"):
        roll_up(store=PostgresSamples(), now=now + timedelta(minutes=10))
    page = staff.get(f"{API}/slo/web/history").json()
    assert page["total"] == 2
    assert [(i["target_pct"], i["status"], i["availability_pct"]) for i in page["items"]] == [
        (90.0, "healthy", 90.0),
        (99.5, "degraded", 90.0),
    ]
    (level,) = staff.get(f"{API}/slo").json()["items"]
    assert (level["newest"]["status"], level["latch"]["breached"], level["latch"]["crossings"]) == (
        "healthy",
        False,
        2,
    )


def test_today_is_that_of_the_zone_asked_for(staff: Client) -> None:
    """Half past eleven on Sunday evening in UTC is Monday in Oslo."""
    with time_machine.travel("2026-03-01T23:30:00Z", tick=False):
        assert staff.get(f"{API}/calendar/today").json()["stale"]
        with entering("home"):
            refresh_calendar(calendar=FixtureCalendar(), now=timezone.now())
        utc = staff.get(f"{API}/calendar/today").json()
        oslo = staff.get(f"{API}/calendar/today?time_zone=Europe/Oslo").json()
    assert (utc["day"], [event["title"] for event in utc["items"]]) == ("2026-03-01", ["Quiet hours"])
    assert (oslo["day"], [event["title"] for event in oslo["items"]]) == (
        "2026-03-02",
        ["Stand-up", "On-call handover"],
    )
    assert oslo["items"][0]["starts_at"] == "2026-03-02T08:15:00Z"
    assert (oslo["stale"], oslo["read_at"]) == (False, "2026-03-01T23:30:00Z")
    assert staff.get(f"{API}/calendar/today?time_zone=Nowhere").status_code == 422


def test_nobody_else_gets_in(client: Client) -> None:
    paths = {
        (path, method)
        for path, operations in api_of(Profile.PRIVATE).path_views()
        if path.startswith("home/")
        for operation in operations
        for method in operation.methods
        if operation.auth_callbacks
    }
    assert len({path for path, _ in paths}) == 7
    for path, method in paths:
        url = "/api/" + path.replace("<slug>", "web").replace("<str:slug>", "web")
        assert client.generic(method, url).status_code in (401, 403), (method, path)
    with entering("home"):
        assert not SloSnapshot.objects.exists()
