"""What ships tells of vessels, from batches of sentences."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from apps.ships.api import get_vessel, vessels_near
from apps.ships.models import LatestPosition, Vessel
from contracts.ships import Around, VesselDeparted, VesselFirstSeen, VesselMoored, VesselNotFound
from monolith import atomic
from monolith.contracts import Event
from monolith.events import outbox
from monolith.events.outbox import Draft
from monolith.testing.events import Events
from tests.apps.ships.nmea import VESSEL, ingest, position, voyage

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_ships")]

KILOMETRE = 1 / 111.195  # degrees of latitude
MINUTE = timedelta(minutes=1)


def moored_at(start: datetime, *minutes: int, latitude: float = 55.0) -> list[bytes]:
    return [position(start + minute * MINUTE, sog=0.1, latitude=latitude) for minute in minutes]


def told(events: Events, kind: type[Event]) -> list[tuple[int, datetime]]:
    return [(event.mmsi, event.heard_at) for event in events.published(kind)]  # type: ignore[attr-defined]


def test_a_vessel_is_told_of_when_it_is_first_heard_and_never_again(now: datetime, events: Events) -> None:
    start = now - timedelta(hours=1)
    lines = [position(start + 2 * MINUTE), position(start + MINUTE), position(start, mmsi=219_000_002)]
    ingest([*lines, *voyage(start, mmsi=219_000_003)], now=now)
    ingest([*lines, position(start - MINUTE), position(now)], now=now)
    assert told(events, VesselFirstSeen) == [
        (VESSEL, start + MINUTE),
        (219_000_002, start),
        (219_000_003, start),
    ]
    assert [event.name for event in events.published(VesselFirstSeen)] == ["", "", "EXAMPLE"]
    assert [(each.key, each.producer) for each in events.envelopes(VesselFirstSeen)] == [
        (str(VESSEL), "ships"),
        ("219000002", "ships"),
        ("219000003", "ships"),
    ]


@pytest.mark.parametrize("batch", [1, 10_000])
def test_mooring_and_departing_are_told_once_each_whatever_the_batches(
    now: datetime, events: Events, batch: int
) -> None:
    start = now - timedelta(hours=4)
    lines = [
        *voyage(start),
        *moored_at(start, 0, 30, 59, 61, 65, 120),  # 61 repeats 59, and is not stored
        *moored_at(start, 125, 130, latitude=55 + KILOMETRE),  # a berth further
        *moored_at(start, 190, 200, latitude=55 + KILOMETRE),
    ]
    ingest(lines, now=now, batch=batch)
    ingest(lines, now=now, batch=batch)
    berth = start + 125 * MINUTE
    first, second = events.published(VesselMoored)
    assert (first.name, first.latitude, first.longitude) == ("EXAMPLE", 55.0, 11.0)
    assert (first.moored_since, first.heard_at) == (start, start + 65 * MINUTE)
    assert (second.moored_since, second.heard_at) == (berth, start + 190 * MINUTE)
    assert second.latitude == pytest.approx(55 + KILOMETRE, abs=1e-5)
    (departed,) = events.published(VesselDeparted)
    assert (departed.latitude, departed.moored_since, departed.heard_at) == (55.0, start, berth)


def test_a_vessel_that_leaves_within_the_hour_was_not_moored(now: datetime, events: Events) -> None:
    start = now - timedelta(hours=2)
    ingest([*moored_at(start, 0, 30, 59), *moored_at(start, 70, latitude=56)], now=now)
    assert (told(events, VesselMoored), told(events, VesselDeparted)) == ([], [])


def test_late_reports_turn_nothing(now: datetime, events: Events) -> None:
    start = now - timedelta(hours=3)
    ingest(moored_at(start, 0, 90), now=now)
    ingest(moored_at(start, 45, latitude=56), now=now)
    assert told(events, VesselMoored) == [(VESSEL, start + 90 * MINUTE)]
    assert told(events, VesselDeparted) == []


def test_events_of_a_batch_are_one_statement_and_in_the_order_of_each_vessel(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[str]] = []
    add = outbox.add

    def counted(drafts: Sequence[Draft]) -> None:
        batches.append([draft.type for draft in drafts])
        add(drafts)

    monkeypatch.setattr(outbox, "add", counted)
    start = now - timedelta(hours=3)
    ingest([*moored_at(start, 0, 61), *moored_at(start, 70, latitude=56)], now=now)
    ingest([position(now)], now=now)
    assert batches == [["ships.VesselFirstSeen", "ships.VesselMoored", "ships.VesselDeparted"]]


def test_a_batch_that_is_undone_was_not_told_and_is_told_the_next_time(now: datetime, events: Events) -> None:
    with suppress(RuntimeError), atomic():
        ingest([position(now)], now=now)
        raise RuntimeError("undone")
    assert (told(events, VesselFirstSeen), Vessel.objects.count()) == ([], 0)
    ingest([position(now)], now=now)
    assert told(events, VesselFirstSeen) == [(VESSEL, now)]


def test_a_batch_that_cannot_be_told_is_not_stored(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(drafts: object) -> None:
        raise RuntimeError("no outbox")

    monkeypatch.setattr(outbox, "add", refuse)
    with pytest.raises(RuntimeError, match="no outbox"):
        ingest([position(now)], now=now)
    assert (Vessel.objects.count(), LatestPosition.objects.count()) == (0, 0)


def test_other_modules_find_vessels_near_and_what_they_say_of_themselves(now: datetime) -> None:
    lines = [
        *voyage(now),
        *moored_at(now, -90, -30, 0),
        position(now, mmsi=219_000_002, latitude=55 + 5 * KILOMETRE),
        position(now, mmsi=219_000_003, latitude=55 + 15 * KILOMETRE),
        position(now - timedelta(hours=2), mmsi=219_000_004),
        # In the corner of the box around the circle.
        position(now, mmsi=219_000_005, latitude=55 + 9 * KILOMETRE, longitude=11 + 15 * KILOMETRE),
    ]
    ingest(lines, now=now)
    found = vessels_near(near=Around(latitude=55, longitude=11, radius_km=10))
    assert [(each.mmsi, each.name, round(each.away_km, 1)) for each in found] == [
        (VESSEL, "EXAMPLE", 0.0),
        (219_000_002, "", 5.0),
    ]
    assert [each.moored_since for each in found] == [now - 90 * MINUTE, None]
    assert len(vessels_near(near=Around(latitude=55, longitude=11), limit=1)) == 1
    vessel = get_vessel(mmsi=VESSEL)
    assert (vessel.name, vessel.length) == ("EXAMPLE", 130)
    assert vessel.latest is not None
    assert (vessel.latest.at, vessel.latest.moored_since) == (now, now - 90 * MINUTE)
    with pytest.raises(VesselNotFound):
        get_vessel(mmsi=219_000_009)


def test_a_radius_reaches_across_the_antimeridian_and_over_the_pole(now: datetime) -> None:
    lines = [
        position(now, latitude=0, longitude=179.98),
        position(now, mmsi=219_000_002, latitude=0, longitude=-179.98),
        position(now, mmsi=219_000_003, latitude=89.99, longitude=0),
        position(now, mmsi=219_000_004, latitude=89.99, longitude=170),
    ]
    ingest(lines, now=now)
    assert LatestPosition.objects.count() == 4
    around = vessels_near(near=Around(latitude=0, longitude=-179.99, radius_km=10))
    assert [each.mmsi for each in around] == [219_000_002, VESSEL]
    over = vessels_near(near=Around(latitude=89.99, longitude=0, radius_km=10))
    assert [each.mmsi for each in over] == [219_000_003, 219_000_004]
