"""What agents see of how the system does, and what the gate lets them expect of it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from apps.home import services
from apps.home.models import CalendarEvent, ProbeLatch, Service
from apps.home.rollup import roll_up
from apps.home.samples.port import Sample
from apps.home.samples.postgres import PostgresSamples
from monolith import entering
from monolith.contracts import forget_decisions
from tests.tool_calls import all_items, answer, guest, refusal

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("measured")]


@pytest.fixture
def measured() -> Iterator[None]:
    """Two services, of which one was measured twice."""
    forget_decisions()
    now = timezone.now()
    with entering("home"):
        for slug in ("mail", "web"):
            services.add_service(slug=slug, name=slug.title(), path="/")
        web = services.get_service("web")
        PostgresSamples().record(
            [
                Sample(
                    service=web.pk,
                    at=now - timedelta(minutes=n),
                    good=good,
                    status=200 if good else None,
                    failure="" if good else "timeout",
                )
                for n, good in enumerate((True, True, False))
            ]
        )
        for ago in (60, 0):
            roll_up(store=PostgresSamples(), now=now - timedelta(seconds=ago))
        ProbeLatch.objects.create(service=web, breached=True, crossed_at=now, crossings=1)
    yield
    forget_decisions()


def test_service_levels_come_with_what_was_last_said_of_them() -> None:
    me = guest("read:home")

    mail, web = all_items(me, "home_list_slos", limit=1)

    assert (mail["slug"], mail["target_pct"], web["slug"], web["breached"]) == ("mail", 99.5, "web", True)
    assert (web["newest"]["status"], web["newest"]["availability_pct"]) == ("degraded", 66.666)
    history = all_items(me, "home_list_slo_history", service="web", limit=1)
    assert [level["at"] for level in history] == sorted((level["at"] for level in history), reverse=True)
    assert history[0] == web["newest"]
    assert len(history) == 2
    assert refusal(me, "home_list_slo_history", service="none").endswith(
        "home_list_slos lists those there are."
    )
    assert [s["slug"] for s in answer(me, "home_get_status", services=["web"])["result"]] == ["web"]


def test_samples_topology_and_today_are_told() -> None:
    me = guest("read:home")
    now = timezone.now()
    with entering("home"):
        CalendarEvent.objects.create(
            source="test", uid="1", title="Ebb", place="Pier", starts_at=now, ends_at=now + timedelta(hours=1)
        )

    samples = answer(me, "home_list_samples", service="web", limit=2)
    topology = answer(me, "home_get_topology")
    today = answer(me, "home_get_today")

    assert [sample["good"] for sample in samples["items"]] == [True, True]
    assert {"home", "stars"} <= {node["name"] for node in topology["items"]}
    assert not topology["stale"]
    assert [event["title"] for event in today["events"]] == ["Ebb"]
    assert today["stale"]
    assert "No time zone" in refusal(me, "home_get_today", time_zone="Mars/Base")
    refusal(me, "home_list_samples", service="none")


def test_only_whom_the_gate_lets_in_changes_a_service_level() -> None:
    me = guest("execute:home", name="operator")

    denied = refusal(me, "home_edit_slo", service="web", target_pct=50.0)

    assert "was not changed. Missing: " in denied
    with entering("home"):
        assert Service.objects.get(slug="web").target_pct == 99.5

    with entering("compliance"):
        compliance.make_rule(Rule(action="home.edit_slo", right="home.edit_slo"), by="user:1")
        compliance.make_grant(Grant(subject="token:operator", right="home.edit_slo"), by="user:1")
    forget_decisions()
    edited = answer(me, "home_edit_slo", service="web", target_pct=50.5, window_minutes=120)

    assert (edited["target_pct"], edited["window_minutes"]) == (50.5, 120)
    assert answer(me, "home_edit_slo", service="web", target_pct=50.5)["window_minutes"] == 120
    assert "token:other" in refusal(guest(name="other"), "home_edit_slo", service="web", target_pct=1.0)
    assert "0.001" in refusal(me, "home_edit_slo", service="web", target_pct=0.0001)
