"""What everyone may ask home, each answer with its age."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import time_machine
from django.test import Client

from apps.home import services
from apps.home.models import Service
from apps.home.rollup import roll_up
from apps.home.samples.port import Sample
from apps.home.samples.postgres import PostgresSamples
from monolith import composed, connection, entering
from monolith.http import caching
from monolith.http.bodies import Bodies

pytestmark = pytest.mark.django_db(databases="__all__")

NOW: Final = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
API: Final = "/api/home"
STORE: Final = PostgresSamples()


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without the bodies of another test's answers: the same moment is another one's here."""
    monkeypatch.setattr(caching, "BODIES", Bodies())


@pytest.fixture
def measured() -> None:
    """Three services: one healthy, one degraded, one never probed; and a roll-up of now."""
    with entering("home"):
        add("docs", module="knowledge", good=10)
        add("maps", module="hikes", good=5, bad=5)
        add("new", module="hikes")
        roll_up(store=STORE, now=NOW)


def add(slug: str, *, module: str = "", good: int = 0, bad: int = 0, until: datetime = NOW) -> Service:
    service = services.add_service(slug=slug, name=slug.title(), path="/", module=module)
    outcomes = [True] * good + [False] * bad
    STORE.record(
        [
            Sample(
                service=service.pk,
                at=until - number * MINUTE,
                good=ok,
                status=200 if ok else 500,
                latency_ms=float(number),
                failure="" if ok else "status",
            )
            for number, ok in enumerate(outcomes)
        ]
    )
    return service


def asked(client: Client, path: str, *, at: datetime = NOW, **headers: str) -> Any:
    with time_machine.travel(at, tick=False):
        return client.get(f"{API}{path}", headers=headers)


def got(client: Client, path: str, *, at: datetime = NOW) -> Any:
    answer = asked(client, path, at=at)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_before_the_first_measurement_everything_is_stale_and_unknown(client: Client) -> None:
    nothing = {"snapshot_at": None, "age_s": None, "stale": True}
    assert got(client, "/status") == nothing | {"overall": "unknown", "items": []}
    assert got(client, "/topology") == nothing | {"items": []}
    assert got(client, "/stats") == nothing | {"total": 0, "limit": 20, "offset": 0, "items": []}


@pytest.mark.usefixtures("measured")
def test_status_shows_each_service_and_the_worst_of_all(client: Client) -> None:
    page = got(client, "/status")
    assert (page["overall"], page["age_s"], page["stale"]) == ("degraded", 0, False)
    assert [(i["slug"], i["status"], i["availability_pct"], i["stale"]) for i in page["items"]] == [
        ("docs", "healthy", 100.0, False),
        ("maps", "degraded", 50.0, False),
        ("new", "unknown", None, True),
    ]
    assert page["items"][0]["latency_p50_ms"] == 4.5


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("later_s", "age_s", "stale"), [(9, 0, False), (300, 300, False), (301, 300, True), (-5, 0, False)]
)
@pytest.mark.parametrize("path", ["/status", "/stats", "/topology"])
def test_every_answer_tells_its_age(client: Client, path: str, later_s: int, age_s: int, stale: bool) -> None:
    page = got(client, path, at=NOW + timedelta(seconds=later_s))
    assert (page["snapshot_at"], page["age_s"], page["stale"]) == ("2026-03-02T10:30:00Z", age_s, stale)


def test_a_fresh_snapshot_of_old_probes_is_stale_all_the_same(client: Client) -> None:
    """Roll-ups go on while nobody probes: the numbers are new, and say nothing about now."""
    with entering("home"):
        add("web", good=10, until=NOW - timedelta(minutes=6))
        roll_up(store=STORE, now=NOW)
    page = got(client, "/status")
    assert (page["stale"], page["items"][0]["stale"], page["items"][0]["status"]) == (False, True, "healthy")


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("path", ["/status", "/stats", "/topology"])
def test_answers_are_cacheable_until_their_age_is_another(client: Client, path: str) -> None:
    first = asked(client, path)
    assert first["Cache-Control"] == "public, max-age=0, s-maxage=10, stale-while-revalidate=10"
    etag = first["ETag"]
    assert asked(client, path, at=NOW + timedelta(seconds=9), if_none_match=etag).status_code == 304
    later = asked(client, path, at=NOW + timedelta(seconds=10), if_none_match=etag)
    assert (later.status_code, later.json()["age_s"]) == (200, 10)


@pytest.mark.usefixtures("measured")
def test_a_service_that_is_switched_off_is_no_longer_shown(client: Client) -> None:
    etag = asked(client, "/status")["ETag"]
    with entering("home"):
        services.edit_service(slug="maps", changes={"active": False})
        roll_up(store=STORE, now=NOW + MINUTE)
    answer = asked(client, "/status", at=NOW + MINUTE, if_none_match=etag)
    assert answer.json()["overall"] == "healthy"
    assert [item["slug"] for item in answer.json()["items"]] == ["docs", "new"]
    assert [i["slug"] for i in got(client, "/stats", at=NOW + MINUTE)["items"]] == ["docs", "new"]


@pytest.mark.usefixtures("measured")
def test_stats_are_by_the_hour_and_paginated_by_service(client: Client) -> None:
    page = got(client, "/stats?limit=1&offset=1")
    assert (page["total"], [item["slug"] for item in page["items"]]) == (3, ["maps"])
    (hour,) = page["items"][0]["hours"]
    assert (hour["starts_at"], hour["total"], hour["good"], hour["availability_pct"]) == (
        "2026-03-02T10:00:00Z",
        10,
        5,
        50.0,
    )
    assert got(client, "/stats?service=nowhere")["items"] == []


def test_stats_go_back_as_many_hours_as_asked_for(client: Client) -> None:
    with entering("home"):
        add("web", good=49 * 60 + 31)  # from 09:00 two days ago on
        roll_up(store=STORE, now=NOW)
    for hours in (1, 24, 48):
        ((item,),) = [got(client, f"/stats?hours={hours}")["items"]]
        assert [hour["total"] for hour in item["hours"]] == [60] * (hours - 1) + [31]
    assert asked(client, "/stats?hours=49").status_code == 422


@pytest.mark.usefixtures("measured")
def test_topology_is_what_is_declared_with_the_worst_status_of_each_module(client: Client) -> None:
    nodes = {node["name"]: node for node in got(client, "/topology")["items"]}
    assert list(nodes) == list(composed().declared)
    assert {name: node["requires"] for name, node in nodes.items()} == {
        name: list(module.requires) for name, module in composed().declared.items()
    }
    assert (nodes["home"]["tiers"], nodes["compliance"]["tiers"]) == (["public", "private"], ["private"])
    assert {name: nodes[name]["status"] for name in ("knowledge", "hikes", "stars")} == {
        "knowledge": "healthy",
        "hikes": "degraded",
        "stars": "unknown",
    }


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("query", ["hours=0", "limit=101", "offset=-1", "service=Not%20a%20slug"])
def test_bad_questions_name_the_field(client: Client, query: str) -> None:
    answer = asked(client, f"/stats?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in str(answer.json()["errors"])


def test_rows_that_say_the_same_are_not_written_again() -> None:
    """A row that is updated moves to another place in its table."""
    place = "SELECT slug, ctid::text FROM home_public_status ORDER BY slug"
    with entering("home"), connection().cursor() as cursor:
        add("calm", good=10)
        lively = add("lively", good=10)
        roll_up(store=STORE, now=NOW)
        before = dict(cursor.execute(place).fetchall())
        STORE.record([Sample(service=lively.pk, at=NOW + MINUTE, good=True, status=200, latency_ms=1.0)])
        roll_up(store=STORE, now=NOW + MINUTE)
        after = dict(cursor.execute(place).fetchall())
    assert {slug for slug in before if before[slug] != after[slug]} == {"lively"}
