"""What home does by itself, each task called as a worker calls it; and what a fresh system shows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from django.test import Client, override_settings
from django.utils import timezone
from pydantic import SecretStr

from apps.home import defaults, tasks
from apps.home.models import MAX_TIMEOUT_MS, CalendarEvent, ProbeSample, RecentNote, Service, SloSnapshot
from apps.home.probing import BUDGET_S
from apps.home.pruning import NOTES_KEPT, SAMPLES_KEPT, SNAPSHOTS_KEPT
from apps.home.sample import load
from apps.home.samples.port import Sample
from apps.home.samples.postgres import PostgresSamples
from monolith import composed, entering
from monolith.analytics import AnalyticsServer
from monolith.jobs.registry import tasks_of
from tests.apps.home.flaky_server import FlakyServer

pytestmark = pytest.mark.django_db(databases="__all__")

PAGES: Final = {
    "public-tier": "/healthz",
    "hikes": "/api/hikes/walks",
    "home": "/api/home/stats",
    "knowledge": "/api/knowledge/graph",
    "ships": "/api/ships/heat",
    "stars": "/api/stars/best",
}


def composed_with(**changes: Any) -> Any:
    composition = composed()
    environment = composition.environment.model_copy(update=changes)
    return override_settings(MONOLITH=replace(composition, environment=environment))


@pytest.fixture
def tier(flaky: FlakyServer) -> Iterator[FlakyServer]:
    """The flaky server in the place of the public tier."""
    with composed_with(public_origin=flaky.origin), override_settings(HOME_PROBE_ORIGINS=[]):
        yield flaky


def test_the_first_round_makes_the_usual_services_and_asks_them(tier: FlakyServer) -> None:
    tier.status_of["/api/ships/heat"] = lambda _: 500
    with entering("home"):
        done = tasks.probe.call()
        assert {s.slug: s.path for s in Service.objects.all()} == PAGES
        assert ProbeSample.objects.filter(good=True).count() == len(PAGES) - 1
    assert sorted(tier.asked) == sorted(PAGES.values())
    assert done == {
        "good": 5,
        "bad": 1,
        "not_up_yet": 0,
        "not_allowed": 0,
        "left": 0,
        "store": "postgresql",
    }


def test_services_that_were_chosen_are_left_alone(tier: FlakyServer) -> None:
    with entering("home"):
        Service.objects.create(slug="mine", name="Mine", path="/mine")
        tasks.probe.call()
        assert Service.objects.get().slug == "mine"
    assert tier.asked == ["/mine"]


@pytest.mark.parametrize("module", [name for name in PAGES if name != "public-tier"])
def test_the_usual_pages_answer_on_an_empty_database(client: Client, module: str) -> None:
    path = defaults.page_of(composed().declared[module])
    assert path == PAGES[module]
    assert client.get(path).status_code == 200


def test_a_roll_up_after_probes_shows_them(tier: FlakyServer, client: Client) -> None:
    with entering("home"):
        tasks.probe.call()
        done = tasks.roll_up.call()
    assert done == {"services": 6, "breached": (), "recovered": (), "superseded": False}
    page = client.get("/api/home/status").json()
    assert (page["overall"], page["stale"], len(page["items"])) == ("healthy", False, 6)
    nodes = client.get("/api/home/topology").json()["items"]
    assert {node["name"] for node in nodes if node["status"] == "healthy"} == PAGES.keys() - {"public-tier"}


def test_the_calendar_is_read() -> None:
    with entering("home"):
        done = tasks.refresh_calendar.call()
        assert done["events"] == CalendarEvent.objects.count() > 10


def test_pruning_removes_what_is_kept_no_longer() -> None:
    now = timezone.now()
    with entering("home"):
        service = Service.objects.create(slug="web", name="Web", path="/")
        PostgresSamples().record(
            [
                Sample(service=service.pk, at=now - SAMPLES_KEPT + timedelta(hours=h), good=True, status=200)
                for h in (-1, 1)
            ]
        )
        for days in (SNAPSHOTS_KEPT.days - 1, SNAPSHOTS_KEPT.days + 1):
            SloSnapshot.objects.create(
                service=service,
                at=now - timedelta(days=days),
                status="unknown",
                total=0,
                good=0,
                target_pct=99,
                window_minutes=60,
                budget_minutes=0,
                left_minutes=0,
            )
        CalendarEvent.objects.create(
            source="x", uid="x", title="X", starts_at=now - timedelta(days=9), ends_at=now - timedelta(days=8)
        )
        for days in (NOTES_KEPT.days - 1, NOTES_KEPT.days + 1):
            RecentNote.objects.create(
                slug=f"note-{days}",
                title="Note",
                revision=1,
                is_public=True,
                is_removed=False,
                changed_at=now - timedelta(days=days),
            )
        assert tasks.prune.call() == {"samples": 1, "snapshots": 1, "events": 1, "notes": 1}
        assert (ProbeSample.objects.count(), SloSnapshot.objects.count()) == (1, 1)
        assert RecentNote.objects.get().slug == f"note-{NOTES_KEPT.days - 1}"


def test_samples_are_kept_on_the_server_that_the_environment_names(
    tier: FlakyServer, clickhouse: AnalyticsServer, client: Client
) -> None:
    url = SecretStr(f"http://{clickhouse.host}:{clickhouse.port}/default")
    with composed_with(public_origin=tier.origin, analytics_url=url), entering("home"):
        assert tasks.probe.call()["store"] == "clickhouse"
        assert not ProbeSample.objects.exists()
        assert tasks.roll_up.call()["services"] == 6
        assert {s.total for s in SloSnapshot.objects.all()} == {1}
        assert set(tasks.prune.call()) == {"samples", "snapshots", "events", "notes"}


def test_a_fresh_system_says_that_nothing_was_measured_yet(client: Client) -> None:
    """What `up` loads: services and a snapshot with its age, and no history."""
    assert load().startswith("6 services new, ")
    assert load().startswith("0 services new, ")
    with entering("home"):
        assert not ProbeSample.objects.exists()
    page = client.get("/api/home/status").json()
    assert (page["overall"], page["stale"]) == ("unknown", False)
    assert {(item["status"], item["total"], item["probed_at"]) for item in page["items"]} == {
        ("unknown", 0, None)
    }
    assert client.get("/api/home/stats").json()["items"][0]["hours"] == []


def test_every_task_is_timed_and_ends_before_its_next_tick() -> None:
    found = {path: task for path, task in tasks_of("home").items() if path.startswith("apps.home.tasks.")}
    assert {path.rpartition(".")[2]: task.timing.every for path, task in found.items() if task.timing} == {
        "probe": timedelta(seconds=60),
        "roll_up": timedelta(seconds=120),
        "refresh_calendar": timedelta(minutes=15),
        "prune": timedelta(days=1),
    }
    assert len(found) == 4
    assert BUDGET_S + MAX_TIMEOUT_MS / 1000 < tasks.probe.time_limit_s < 60
