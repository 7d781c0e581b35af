"""What ships does by itself, each task called as a worker calls it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from apps.ships import partitions, tasks
from apps.ships.models import HeatCell, HeatCellHistorical, Position
from tests.apps.ships.nmea import VESSEL

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_ships")]


def store(at: datetime) -> None:
    partitions.ensure_days([at.date()])
    Position.objects.create(mmsi=VESSEL, at=at, latitude=55, longitude=11, sog=9, message_type=1)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def test_rotating_banks_an_old_day_and_makes_the_next_ones(now: datetime) -> None:
    old, today = now.date() - timedelta(days=partitions.KEPT_DAYS + 1), now.date()
    store(noon(old))

    done = tasks.rotate_partitions.call()

    assert (done["dropped"], done["postponed"]) == ({old.isoformat(): 1}, [])
    assert old not in partitions.days()
    assert {today, today + timedelta(days=1)} <= {*partitions.days()}
    assert (Position.objects.count(), HeatCellHistorical.objects.count()) == (0, 1)
    assert tasks.rotate_partitions.call() == {"made": 0, "dropped": {}, "postponed": []}


def test_heat_is_rolled_up(now: datetime) -> None:
    store(now - timedelta(hours=1))

    assert tasks.roll_up_heat.call() == 1
    assert HeatCell.objects.get().movers == 1
    assert tasks.roll_up_heat.call() == 0
