"""Rotating while somebody reads: other sessions, so everything is committed."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from io import StringIO
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections

from apps.ships import partitions
from apps.ships.models import HeatCellHistorical, Position
from monolith.embedded import PostgresCluster
from tests.apps.ships.nmea import VESSEL

pytestmark = pytest.mark.usefixtures("committed_db", "in_ships")


@pytest.fixture
def reader(cluster: PostgresCluster, committed_db: None) -> Iterator[psycopg.Connection[Any]]:
    """A session that reads positions and does not end its transaction."""
    settings = connections["ships"].settings_dict
    with psycopg.connect(
        cluster.url(settings["NAME"]), user=settings["USER"], passfile=str(cluster.passfile("private"))
    ) as connection:
        yield connection


def test_day_that_is_being_read_is_left_for_the_next_rotation(
    now: datetime, reader: psycopg.Connection[Any]
) -> None:
    old = now.date() - timedelta(days=partitions.KEPT_DAYS + 1)
    partitions.ensure_days([old])
    at = datetime.combine(old, time(12), tzinfo=UTC)
    Position.objects.create(mmsi=VESSEL, at=at, latitude=55, longitude=11, sog=9, message_type=1)
    reader.execute("SELECT count(*) FROM ships_position")

    started = monotonic()
    rotation = partitions.rotate(now=now, pause_s=0)

    assert monotonic() - started < partitions.ATTEMPTS * 1.0
    assert (rotation.dropped, rotation.postponed) == ({}, (old,))
    assert (Position.objects.count(), HeatCellHistorical.objects.count()) == (1, 0)
    output = StringIO()
    call_command("rotate_partitions", stdout=output)
    assert f"{old}: in use, left for the next run" in output.getvalue()

    reader.rollback()
    rotation = partitions.rotate(now=now)
    assert (rotation.dropped, rotation.postponed) == ({old: 1}, ())
    assert old not in partitions.days()
