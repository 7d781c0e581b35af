"""The numbers of the status page agree with what was injected: real requests, real failures, exact counts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
import time_machine
from django.test import Client

from apps.home import services
from apps.home.models import ProbeLatch, Service, SloSnapshot
from apps.home.probing import probe_services
from apps.home.rollup import RollUpReport, roll_up
from apps.home.samples.postgres import PostgresSamples
from monolith import entering
from tests.apps.home.flaky_server import FlakyServer

pytestmark = pytest.mark.django_db(databases="__all__")

START: Final = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
STORE: Final = PostgresSamples()


def measured(flaky: FlakyServer, slug: str, *, target: str = "99.5", window_minutes: int = 10_080) -> Service:
    """Add a service of the flaky server with an objective."""
    service = services.add_service(slug=slug, name=slug.title(), origin=flaky.origin, path=f"/{slug}")
    Service.objects.filter(pk=service.pk).update(target_pct=Decimal(target), window_minutes=window_minutes)
    return service


def rounds(count: int, *, first: datetime = START) -> datetime:
    """Probe once a minute, so many times; return the moment of the last round."""
    for number in range(count):
        probe_services(store=STORE, now=first + number * MINUTE)
    return first + (count - 1) * MINUTE


def page(client: Client, path: str, now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        answer = client.get(f"/api/home{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_status_page_agrees_with_what_was_injected(client: Client, flaky: FlakyServer) -> None:
    """200 requests each: none, every 100th, every 80th and every 4th fails."""
    every = {"solid": 0, "once": 200, "seldom": 80, "often": 4}
    flaky.status_of |= {f"/{slug}": failing(nth) for slug, nth in every.items()}
    with entering("home"):
        for slug in every:
            measured(flaky, slug)
        now = rounds(200)
        report = roll_up(store=STORE, now=now)

    assert report == RollUpReport(services=4, breached=("often",))
    assert {path: flaky.asked.count(path) for path in set(flaky.asked)} == {f"/{slug}": 200 for slug in every}
    shown = page(client, "/status", now + timedelta(seconds=20))
    assert (shown["snapshot_at"], shown["age_s"], shown["stale"]) == ("2026-03-02T13:49:00Z", 20, False)
    assert shown["overall"] == "degraded"
    items = {item["slug"]: item for item in shown["items"]}
    # 99.5 % of a week may be bad for 50.4 minutes, and each failed probe takes one of them.
    assert {slug: numbers(items[slug]) for slug in every} == {
        "solid": (200, 200, 100.0, "healthy", 50.4),
        "once": (200, 199, 99.5, "healthy", 49.4),  # exactly at its target
        "seldom": (200, 198, 99.0, "warning", 48.4),  # exactly half a point below
        "often": (200, 150, 75.0, "degraded", 0.4),
    }
    assert all(item["budget_minutes"] == 50.4 and item["latency_p50_ms"] > 0 for item in shown["items"])

    # The same 200 requests by the hour: 30 from 10:30, 60, 60, and 50 up to 13:49.
    stats = page(client, "/stats?service=often", now)
    (hours,) = [item["hours"] for item in stats["items"]]
    assert [(hour["starts_at"][11:16], hour["total"], hour["good"]) for hour in hours] == [
        ("10:00", 30, 23),
        ("11:00", 60, 45),
        ("12:00", 60, 45),
        ("13:00", 50, 37),
    ]
    assert sum(hour["good"] for hour in hours) == items["often"]["good"]


def failing(nth: int) -> Callable[[int], int]:
    """Fail every nth request; none for 0."""
    return lambda number: 503 if nth and number % nth == nth - 1 else 200


def numbers(item: Any) -> tuple[Any, ...]:
    return (
        item["total"],
        item["good"],
        item["availability_pct"],
        item["status"],
        item["left_minutes"],
    )


def test_one_probe_more_than_half_a_point_below_is_degraded(client: Client, flaky: FlakyServer) -> None:
    flaky.status_of["/edge"] = lambda number: 500 if number < 3 else 200
    with entering("home"):
        measured(flaky, "edge")
        now = rounds(200)
        roll_up(store=STORE, now=now)
    (item,) = page(client, "/status", now)["items"]
    assert numbers(item) == (200, 197, 98.5, "degraded", 47.4)


def test_what_leaves_the_window_is_forgotten(client: Client, flaky: FlakyServer) -> None:
    flaky.status_of["/short"] = lambda number: 500 if number < 30 else 200
    with entering("home"):
        measured(flaky, "short", window_minutes=60)
        now = rounds(90)
        roll_up(store=STORE, now=now)
        assert SloSnapshot.objects.get().total == 60
    (item,) = page(client, "/status", now)["items"]
    assert numbers(item) == (60, 60, 100.0, "healthy", 0.3)


def test_a_service_crosses_its_objective_once_each_way(flaky: FlakyServer) -> None:
    """Ten good, ten bad, then good until the bad ones have left the window."""
    flaky.status_of["/web"] = lambda number: 500 if 10 <= number < 20 else 200
    crossings: list[tuple[int, str]] = []
    with entering("home"):
        service = measured(flaky, "web", window_minutes=60)
        for number in range(100):
            now = rounds(1, first=START + number * MINUTE)
            report = roll_up(store=STORE, now=now)
            crossings += [(number, "breached") for _ in report.breached]
            crossings += [(number, "recovered") for _ in report.recovered]
        latch = ProbeLatch.objects.get(service=service)
    # The 20th request was the last to fail: 60 minutes after it the window is clean again.
    assert crossings == [(10, "breached"), (79, "recovered")]
    assert (latch.breached, latch.crossings, latch.crossed_at) == (False, 2, START + 79 * MINUTE)


def test_status_since_moves_when_the_status_does(client: Client, flaky: FlakyServer) -> None:
    flaky.status_of["/web"] = lambda number: 500 if number >= 3 else 200
    with entering("home"):
        measured(flaky, "web")
        since = []
        for number in range(6):
            roll_up(store=STORE, now=rounds(1, first=START + number * MINUTE))
            (item,) = page(client, "/status", START + number * MINUTE)["items"]
            since.append(item["status_since"][11:16])
    assert since == ["10:30", "10:30", "10:30", "10:33", "10:33", "10:33"]


def test_a_later_roll_up_is_not_undone_by_an_earlier_one(client: Client, flaky: FlakyServer) -> None:
    with entering("home"):
        measured(flaky, "web")
        now = rounds(3)
        roll_up(store=STORE, now=now)
        assert roll_up(store=STORE, now=now - MINUTE).superseded
        assert roll_up(store=STORE, now=now).superseded
        assert SloSnapshot.objects.count() == 1
    assert page(client, "/status", now)["items"][0]["total"] == 3
