"""`manage.py modules`: the map says what is there, and the reference's page is it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from monolith import Profile, compose, composed
from monolith.overview.entries import entries
from monolith.overview.formats import as_json, as_mermaid, as_page
from monolith.overview.timings import length_text
from settings.modules import MODULES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return {entry["name"]: entry for entry in json.loads(as_json(entries(composed(), {})))}


def test_the_page_of_the_reference_is_current() -> None:
    page = ROOT / "docs" / "reference" / "modules.md"

    assert page.read_text() == as_page(entries(composed(), {})), "run `manage.py modules --write`"


def test_a_stale_page_is_refused(tmp_path: Path, settings: Any) -> None:
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match="modules --write"):
        call_command("modules", "--check")

    call_command("modules", "--write")
    call_command("modules", "--check")

    assert list(tmp_path.rglob("*.md")) == [tmp_path / "docs" / "reference" / "modules.md"]


def test_every_declared_module_is_on_the_map(found: dict[str, Any]) -> None:
    assert list(found) == [module.name for module in MODULES]


def test_an_entry_says_what_is_declared_promised_and_served(found: dict[str, Any]) -> None:
    ships = found["ships"]

    assert ships["tiers"] == ["public", "private"]
    assert ships["requires"] == ["compliance"]
    assert "ships_position" in ships["public_relations"]
    assert {"ships_position", "ships_rejectedmessage"} <= set(ships["tables"])
    assert found["compliance"]["provides"] == [{"name": "check", "kind": "gate"}]
    assert {"name": "ingest_raw", "kind": "command"} in found["knowledge"]["provides"]


def test_an_entry_says_what_is_told_and_heard(found: dict[str, Any]) -> None:
    knowledge, home = found["knowledge"], found["home"]

    assert {"name": "GapOpened", "version": 1, "external": True} in knowledge["publishes"]
    assert knowledge["handles"] == []
    assert [each["message"] for each in home["subscribes"]] == sorted(
        each["message"] for each in home["subscribes"]
    )
    assert "knowledge.NoteChanged" in {each["message"] for each in home["subscribes"]}
    assert {each["name"] for each in found["agent"]["handles"]} >= {"SubmitServiceCall", "StartExecution"}


def test_a_route_is_public_when_the_public_tier_serves_it(found: dict[str, Any]) -> None:
    tiers = {(route["method"], route["path"]): route["tier"] for route in found["hikes"]["routes"]}

    assert tiers["GET", "/api/hikes/walks/{slug}"] == "public"
    assert tiers["POST", "/api/hikes/uploads"] == "private"


def test_an_entry_says_when_tasks_are_due_and_what_they_may_take(found: dict[str, Any]) -> None:
    tasks = {task["name"]: task for task in found["knowledge"]["tasks"]}

    assert tasks["layout"] == {
        "name": "layout",
        "due": "every 1 h, up to 5 min later",
        "time_limit_s": 900,
        "memory_limit_mb": 512,
        "heavy": True,
        "transaction": False,
    }
    assert found["ships"]["singletons"] == ["ingest (lease 30 s)"]
    assert {task["name"]: task["due"] for task in found["ships"]["tasks"]}["rotate_partitions"] == (
        "cron 10 0 * * * UTC, up to 5 min later"
    )


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(days=1, seconds=1), "1 d 1 s"),
        (timedelta(hours=6), "6 h"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(seconds=1.5), "1 s 500 ms"),
    ],
)
def test_lengths_of_time_are_read_as_people_say_them(length: timedelta, text: str) -> None:
    assert length_text(length) == text


def test_an_entry_says_where_its_module_runs() -> None:
    environ = {"MONOLITH_SECRET_KEY": "signs nothing", "MONOLITH_MODULES": "ships,compliance"}
    part = compose(Profile.PRIVATE, MODULES, environ)

    places = {e.name: e.placement for e in entries(part, {"knowledge": "http://127.0.0.1:9"})}

    assert (places["ships"], places["hikes"], places["knowledge"]) == (
        "here",
        "elsewhere",
        "http://127.0.0.1:9",
    )


def test_the_graph_leads_from_callers_to_the_called() -> None:
    lines = as_mermaid(entries(composed(), {})).splitlines()

    arrows = [line.split(" --> ") for line in map(str.strip, lines) if "-->" in line]
    assert arrows == [[module.name, other] for module in MODULES for other in module.requires]


def test_dotted_lines_lead_from_those_who_tell_to_those_who_hear(found: dict[str, Any]) -> None:
    lines = as_mermaid(entries(composed(), {})).splitlines()

    told = {
        (line.split()[0], event, line.split()[-1])
        for line in lines
        if ".->" in line
        for event in line.split()[2].split("<br>")
    }
    subscribed = {
        (*each["message"].split("."), name) for name, entry in found.items() for each in entry["subscribes"]
    }
    assert told == {
        (owner, event, other) for owner, event, other in subscribed if owner in found.keys() - {other}
    }
    assert ("knowledge", "NoteChanged", "home") in told
