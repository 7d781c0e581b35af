"""What agents see of traffic, and that the gate decides who brings sentences in."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from apps.ships import services
from apps.ships.models import Position, RejectedMessage
from monolith import entering
from monolith.contracts import forget_decisions
from monolith.tools.tokens import Identity
from tests.apps.ships.nmea import VESSEL, ingest, position, voyage
from tests.tool_calls import all_items, answer, guest, refusal

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def feeder() -> Iterator[Identity]:
    """A token that may ingest."""
    forget_decisions()
    with entering("compliance"):
        compliance.make_rule(Rule(action="ships.ingest", right="ships.ingest"), by="user:1")
        compliance.make_grant(Grant(subject="token:feeder", right="ships.ingest"), by="user:1")
    yield guest(name="feeder")
    forget_decisions()


def test_a_track_comes_in_pages_newest_first(now: datetime) -> None:
    me = guest("read:ships")
    times = [now - timedelta(minutes=10 * n) for n in range(5)]
    with entering("ships"):
        for number, at in enumerate(reversed(times)):
            ingest([position(at, latitude=55 + number / 10)], now=now)

    track = all_items(me, "ships_get_track", mmsi=VESSEL, limit=2)

    assert [datetime.fromisoformat(point["at"]) for point in track] == times
    until = all_items(me, "ships_get_track", mmsi=VESSEL, until=times[2].isoformat())
    since = all_items(me, "ships_get_track", mmsi=VESSEL, since=times[2].isoformat())
    assert (until, since) == (track[2:], track[:3])
    assert answer(me, "ships_get_track", mmsi=999_999_999) == {"items": [], "next": ""}
    assert answer(me, "ships_get_vessel", mmsi=VESSEL)["mmsi"] == VESSEL


def test_heat_is_the_busiest_cells(now: datetime) -> None:
    me = guest("read:ships")
    with entering("ships"):
        ingest(
            [position(now), position(now, mmsi=VESSEL + 1), position(now, mmsi=VESSEL + 2, latitude=10)],
            now=now,
        )
        services.roll_up_heat(now=now)

    heat = answer(me, "ships_get_heat", limit=1)
    north = {"west": 0.0, "south": 50.0, "east": 20.0, "north": 60.0}

    assert (heat["total"], [cell["movers"] for cell in heat["cells"]]) == (2, [2])
    assert answer(me, "ships_get_heat", within=north)["total"] == 1
    assert answer(me, "ships_get_heat", kind="historical")["cells"] == []
    assert "exchange them" in refusal(me, "ships_get_heat", within=north | {"south": 70.0})


def test_whom_the_gate_lets_in_brings_sentences_once(feeder: Identity, now: datetime) -> None:
    text = b"\r\n".join([*voyage(now), position(now), b"nonsense"]).decode()

    first = answer(feeder, "ships_ingest_sentences", text=text)
    again = answer(feeder, "ships_ingest_sentences", text=text)

    assert (first["lines"], first["stored"], first["rejected"]) == (4, 1, {"not a sentence": 1})
    assert (again["stored"], again["duplicate"]) == (0, 3)
    with entering("ships"):
        assert Position.objects.count() == 1
    intake = answer(feeder, "ships_get_intake")
    assert intake["rejected"] == {"not a sentence": 1}
    assert [source["source"] for source in intake["sources"]] == ["post"]
    replayed = answer(feeder, "ships_replay_rejected", limit=10, reason="not a sentence")
    assert replayed["stored"] == 0


def test_nobody_else_does(now: datetime) -> None:
    forget_decisions()
    nobody = guest(name="nobody")
    with entering("ships"):
        ingest([b"nonsense"], now=now)

    for tool, arguments in (
        ("ships_ingest_sentences", {"text": position(now).decode()}),
        ("ships_replay_rejected", {}),
    ):
        assert "token:nobody may not ingest from source:" in refusal(nobody, tool, **arguments)
    with entering("ships"):
        assert (Position.objects.count(), RejectedMessage.objects.count()) == (0, 1)
