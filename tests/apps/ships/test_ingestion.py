"""Sentences on their way into the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ships import partitions, positions, rejections
from apps.ships.ingestion import Ingestion
from apps.ships.models import LatestPosition, Position, RejectedMessage, Vessel
from apps.ships.mooring import Stay
from apps.ships.rejection import Reason
from monolith import atomic
from monolith.transactions import current_alias
from tests.apps.ships.nmea import VESSEL, encode, ingest, ms, position, report, voyage

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_ships")]

METRE = 1 / 111_195  # degrees of latitude


@pytest.fixture
def feed(now: datetime) -> list[bytes]:
    """A bit of everything, good and broken, with blank lines in between."""
    start = now - timedelta(hours=3)
    lines: list[bytes] = []
    for minute in range(0, 120, 2):
        at = start + timedelta(minutes=minute)
        lines += [position(at, mmsi=219_000_001, latitude=55 + minute / 100), b""]
        lines += [
            position(at, mmsi=219_000_002, sog=0.1),
            position(at, mmsi=219_000_001, latitude=55 + minute / 100),
        ]
        lines += encode(
            {"type": 18, "mmsi": 219_000_003, "lat": 54, "lon": 10 + minute / 100, "speed": 6}, at=at
        )
        if minute % 20 == 0:
            lines += voyage(at, mmsi=219_000_001)
            lines += encode(
                {"type": 24, "partno": minute // 20 % 2, "mmsi": 219_000_003, "shipname": "BOAT"}, at=at
            )
    return [
        *lines,
        lines[0][:-1] + b"Z",
        b"nonsense",
        position(start, latitude=91),
        position(start, mmsi=2_190_001),
        position(now + timedelta(days=2)),
        position(now - timedelta(days=60)),
        voyage(start)[0],
        *encode({"type": 4, "mmsi": 2_190_001}, at=start),
    ]


def everything() -> tuple[list[Any], ...]:
    """Return all rows that ingestion writes."""
    models = (Vessel, Position, LatestPosition, RejectedMessage)
    return tuple(list(model._default_manager.order_by("pk").values()) for model in models)


def latest() -> dict[int, tuple[object, ...]]:
    rows = LatestPosition.objects.values_list(
        "vessel_id", "at", "latitude", "longitude", "sog", "anchored_since", "anchor_latitude"
    )
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_every_sentence_ends_in_one_bucket(feed: list[bytes], now: datetime, batch: int) -> None:
    counts = ingest(feed, now=now, batch=batch).counts
    assert counts.lines == sum(1 for line in feed if line)
    assert counts.settled == counts.lines
    assert counts.stored == Position.objects.count()
    assert (counts.stored, counts.duplicate, counts.moored_repeat) == (60 + 20 + 60, 60 + 10 + 5, 40)
    assert (counts.static_update, counts.incomplete) == (2 + 1, 1)
    assert counts.rejected == {
        Reason.NOT_A_SENTENCE: 2,
        Reason.NO_POSITION: 1,
        Reason.MMSI: 1,
        Reason.TIME_AHEAD: 1,
        Reason.TIME_OLD: 1,
        Reason.TYPE: 1,
    }


@pytest.mark.parametrize("batch", [7, 10_000])
def test_ingesting_again_changes_nothing(feed: list[bytes], now: datetime, batch: int) -> None:
    ingest(feed, now=now, batch=batch)
    before = everything()
    again = ingest(feed, now=now, batch=batch).counts
    assert everything() == before
    assert (again.stored, again.static_update) == (0, 0)
    assert again.settled == again.lines


@pytest.mark.parametrize("batch", [5, 100])
def test_ingesting_again_in_other_batches_and_backwards_changes_nothing(
    feed: list[bytes], now: datetime, batch: int
) -> None:
    ingest(feed, now=now)
    before = (latest(), Position.objects.count(), list(Vessel.objects.values()))
    singles = [line for line in feed if b",2," not in line]
    assert ingest(singles[::-1], now=now, batch=batch).counts.stored == 0
    assert (latest(), Position.objects.count(), list(Vessel.objects.values())) == before


def some_reports(now: datetime) -> list[bytes]:
    start = now - timedelta(hours=2)
    return [
        position(start + timedelta(seconds=second), latitude=55 + latitude, sog=sog)
        for second, latitude, sog in [
            *[(0, 0.0, 5.0), (60, 0.01, 5.0), (60, 0.02, 5.0), (120, 0.02, 0.1), (180, 0.02, 0.1)],
            *[(480, 0.02, 0.2), (600, 0.02, 0.0), (3000, 0.021, 0.0), (4200, 0.021, 0.0)],
        ]
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(9)))
def test_any_order_within_a_batch_ends_in_the_same_latest(order: Sequence[int], now: datetime) -> None:
    lines = some_reports(now)
    outcomes = []
    for given_lines in (lines, [lines[index] for index in order]):
        with undone():
            ingest(given_lines, now=now)
            outcomes.append((latest(), list(Position.objects.values())))
    assert outcomes[0] == outcomes[1]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(9)), batch=st.integers(1, 4))
def test_latest_never_moves_back_whatever_comes_late(order: Sequence[int], batch: int, now: datetime) -> None:
    lines = some_reports(now)
    with undone():
        seen: datetime | None = None
        for index in range(0, len(order), batch):
            ingest([lines[i] for i in order[index : index + batch]], now=now)
            at = LatestPosition.objects.get().at
            assert seen is None or at >= seen
            assert at == Position.objects.order_by("-at")[0].at
            seen = at


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block wrote."""
    with atomic():
        yield
        transaction.set_rollback(True, using=current_alias())


def test_database_itself_keeps_latest_from_moving_back(now: datetime) -> None:
    # Two intakes that meet a new vessel at once both believe theirs to be its newest report.
    ingest([position(now)], now=now)
    late = report(ms(now) - 60_000, latitude=50)
    positions.advance([(late, Stay.begun(late))])
    assert LatestPosition.objects.get().at == now


def test_moored_vessel_is_moored_since_it_came(now: datetime) -> None:
    came = now - timedelta(hours=2)
    ingest([position(came - timedelta(minutes=10), latitude=54.9)], now=now)
    ingest(
        [position(came + timedelta(minutes=m), sog=0.1, latitude=55 + m * METRE) for m in range(0, 70, 6)],
        now=now,
    )
    stay = LatestPosition.objects.get()
    assert (stay.anchored_since, stay.at) == (came, came + timedelta(minutes=66))


def test_late_report_is_stored_and_makes_the_vessel_seen_earlier(now: datetime) -> None:
    at, before = now - timedelta(minutes=10), now - timedelta(minutes=40)
    ingest([position(at)], now=now)
    assert ingest([position(before, latitude=54)], now=now).counts.stored == 1
    assert LatestPosition.objects.get().at == at
    assert Vessel.objects.get().first_seen == before


def test_late_description_fills_gaps_but_undoes_nothing(now: datetime) -> None:
    at, before = now - timedelta(minutes=10), now - timedelta(minutes=40)
    ingest(voyage(at, shipname="NEW NAME", imo=0), now=now)
    late = ingest(voyage(before, shipname="OLD NAME", imo=9074729), now=now)
    vessel = Vessel.objects.get()
    assert (vessel.name, vessel.imo, vessel.name_at) == ("NEW NAME", 9074729, at)
    assert late.counts.static_update == 2


def test_description_that_says_nothing_new_is_a_duplicate_and_leaves_the_vessel_as_it_was(
    now: datetime,
) -> None:
    ingest(voyage(now - timedelta(minutes=10)), now=now)
    before = Vessel.objects.get().updated_at
    assert ingest(voyage(now), now=now + timedelta(minutes=1)).counts.duplicate == 2
    vessel = Vessel.objects.get()
    assert (vessel.updated_at, vessel.name_at) == (before, now)


def test_both_parts_of_type_24_at_one_moment_count(now: datetime) -> None:
    parts = [
        *encode({"type": 24, "partno": 0, "mmsi": VESSEL, "shipname": "TENDER"}, at=now),
        *encode({"type": 24, "partno": 1, "mmsi": VESSEL, "callsign": "OXA", "ship_type": 36}, at=now),
    ]
    assert ingest(parts, now=now).counts.static_update == 2
    vessel = Vessel.objects.get()
    assert (vessel.name, vessel.call_sign, vessel.ship_type) == ("TENDER", "OXA", 36)


def test_report_of_type_19_counts_once_and_names_the_vessel(now: datetime) -> None:
    fields = {"type": 19, "mmsi": VESSEL, "lat": 55, "lon": 11, "speed": 3, "shipname": "YACHT"}
    counts = ingest(encode(fields, at=now), now=now).counts
    assert (counts.stored, counts.settled) == (1, 1)
    assert Vessel.objects.get().name == "YACHT"


@pytest.mark.parametrize(
    ("moved", "reason"),
    [
        (timedelta(minutes=11), Reason.TIME_AHEAD),
        (timedelta(minutes=9), None),
        (-timedelta(days=partitions.TAKEN_DAYS - 1), None),
        (-timedelta(days=partitions.TAKEN_DAYS + 1), Reason.TIME_OLD),
    ],
)
def test_time_must_be_within_what_is_kept(now: datetime, moved: timedelta, reason: Reason | None) -> None:
    counts = ingest([position(now + moved)], now=now).counts
    assert dict(counts.rejected) == ({reason: 1} if reason else {})


def test_rejected_message_is_kept_with_where_and_why(now: datetime) -> None:
    broken = voyage(now, mmsi=2_190_001)
    ingest([position(now), b"", *broken, b"\x00\xff"], now=now)
    kept = list(
        RejectedMessage.objects.order_by("line").values_list("line", "reason", "sentence", "sentences")
    )
    assert kept == [
        (3, "bad MMSI", b"\n".join(broken).decode(), 2),
        (5, "not a sentence", "\\x00\\xff", 1),
    ]


def test_only_the_newest_rejected_messages_are_kept(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "KEPT", 10)
    ingest([f"nonsense {number}".encode() for number in range(25)], now=now)
    assert sorted(RejectedMessage.objects.values_list("line", flat=True)) == list(range(16, 26))


def test_batch_that_cannot_be_written_leaves_nothing_behind(now: datetime) -> None:
    ingestion = Ingestion(source="test")

    def fail(_: object) -> None:
        raise DataError

    with pytest.raises(DataError):
        ingestion.take([position(now)], received=now, now=now, together=fail)
    assert everything() == ([], [], [], [])
    assert ingestion.counts.stored == 0
