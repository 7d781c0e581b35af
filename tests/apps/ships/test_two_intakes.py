"""Two intakes of overlapping feeds at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.db import connections

from apps.ships.counts import Counts
from apps.ships.models import LatestPosition, Position, Vessel
from monolith import entering
from tests.apps.ships.nmea import VESSEL, ingest, position, voyage


@pytest.mark.usefixtures("committed_db")
def test_two_intakes_at_once_store_everything_once_and_do_not_block_each_other(now: datetime) -> None:
    start = now - timedelta(hours=1)
    lines = [
        line
        for minute in range(40)
        for vessel in range(25)
        for line in (
            position(start + timedelta(minutes=minute), mmsi=VESSEL + vessel, latitude=50 + minute / 10),
            *(voyage(start + timedelta(minutes=minute), mmsi=VESSEL + vessel) if minute % 10 == 0 else ()),
        )
    ]
    together = Barrier(2)

    def intake(feed: list[bytes]) -> Counts:
        try:
            with entering("ships"):
                together.wait(timeout=30)
                return ingest(feed, now=now, batch=100).counts
        finally:
            connections.close_all()

    singles = [line for line in lines if b",2," not in line]
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(intake, [lines, singles[::-1]]))
    assert sum(counts.stored for counts in both) == 25 * 40
    assert all(counts.settled == counts.lines for counts in both)
    with entering("ships"):
        assert Position.objects.count() == 25 * 40
        assert Vessel.objects.filter(name="EXAMPLE", first_seen=start).count() == 25
        assert set(LatestPosition.objects.values_list("at", flat=True)) == {start + timedelta(minutes=39)}
