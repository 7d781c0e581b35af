"""Days of positions come and go; what they said about traffic stays."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import DataError, IntegrityError, ProgrammingError
from django.db.utils import DatabaseError

from apps.ships import heat, partitions
from apps.ships.models import HeatCell, HeatCellHistorical, Position
from monolith import atomic, connection
from tests.apps.ships.nmea import VESSEL

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_ships")]


def store(
    at: datetime,
    *,
    mmsi: int = VESSEL,
    latitude: float = 55.0,
    longitude: float = 11.0,
    sog: float | None = 9,
) -> None:
    partitions.ensure_days([at.date()])
    Position.objects.create(mmsi=mmsi, at=at, latitude=latitude, longitude=longitude, sog=sog, message_type=1)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def live() -> dict[tuple[int, int], int]:
    return {(row, col): movers for row, col, movers in HeatCell.objects.values_list("row", "col", "movers")}


def test_partitions_are_made_once(now: datetime) -> None:
    days = [now.date() - timedelta(days=30), now.date() - timedelta(days=28)]
    assert partitions.ensure_days(days) == 3
    assert partitions.ensure_days(days) == 0
    assert {days[0], days[0] + timedelta(days=1), days[1]} <= set(partitions.days())


def test_partition_holds_one_utc_day_to_the_last_microsecond(now: datetime) -> None:
    day = now.date() - timedelta(days=20)
    midnight = datetime.combine(day, time(0), tzinfo=UTC)
    store(midnight)
    Position.objects.create(
        mmsi=VESSEL,
        at=midnight + timedelta(days=1, microseconds=-1),
        latitude=55,
        longitude=11,
        message_type=1,
    )
    with pytest.raises(IntegrityError, match="no partition"), atomic():
        Position.objects.create(
            mmsi=VESSEL, at=midnight + timedelta(days=1), latitude=55, longitude=11, message_type=1
        )


@pytest.mark.parametrize(("first", "last"), [(-63, 0), (0, 8), (0, -1), (-40_000, -39_999)])
def test_partitions_far_away_are_refused(now: datetime, first: int, last: int) -> None:
    ends = [now.date() + timedelta(days=first), now.date() + timedelta(days=last)]
    with pytest.raises(DataError, match="cannot make partitions"), atomic(), connection().cursor() as cursor:
        cursor.execute(partitions.ENSURE, ends)


@pytest.mark.parametrize("ago", [7, 0, -1])
def test_partition_that_live_heat_needs_is_not_dropped(now: datetime, ago: int) -> None:
    day = datetime.now(UTC).date() - timedelta(days=ago)
    partitions.ensure_days([day])
    with pytest.raises(DataError, match="cannot drop the partition"), atomic():
        partitions.drop(day)
    assert day in partitions.days()


@pytest.mark.parametrize("day", ["-infinity", "infinity", "{today} BC", "{old}"])
def test_day_that_shares_its_name_with_another_is_not_dropped(now: datetime, day: str) -> None:
    """to_char(..., 'YYYYMMDD') says the same of a day before Christ as of today."""
    today = now.date()
    store(now)
    asked = day.format(today=today, old=today - timedelta(days=3654))
    with pytest.raises(DataError, match="cannot drop the partition"), atomic():
        connection().cursor().execute("SELECT drop_partition(%s::date)", [asked])
    assert today in partitions.days()
    assert Position.objects.count() == 1


@pytest.mark.parametrize("day", ["-infinity", "infinity", "{today} BC"])
@pytest.mark.parametrize(
    "ends",
    ["SELECT ensure_partitions(%s::date, current_date)", "SELECT ensure_partitions(current_date, %s::date)"],
)
def test_partitions_to_the_ends_of_time_are_refused(now: datetime, day: str, ends: str) -> None:
    with pytest.raises(DataError, match="cannot make partitions"), atomic():
        connection().cursor().execute(ends, [day.format(today=now.date())])


def test_serving_role_has_no_ddl_of_its_own() -> None:
    for statement in (
        "CREATE TABLE ships.mine (id int)",
        "DROP TABLE ships_position",
        "TRUNCATE ships_position",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), atomic():
            connection().cursor().execute(statement)


def test_rotation_banks_an_old_day_and_drops_it(now: datetime) -> None:
    old = now.date() - timedelta(days=partitions.KEPT_DAYS + 1)
    kept = now.date() - timedelta(days=partitions.KEPT_DAYS)
    for mmsi, minute, sog in [(1, 0, 9), (1, 5, 9), (2, 0, 1.0), (3, 0, 0.9), (4, 0, None)]:
        store(noon(old) + timedelta(minutes=minute), mmsi=VESSEL + mmsi, sog=sog)
    store(noon(old), mmsi=VESSEL + 5, latitude=-0.001, longitude=-0.001)
    store(noon(kept))
    rotation = partitions.rotate(now=now)
    assert rotation.dropped == {old: 2}
    assert list(HeatCellHistorical.objects.values_list("day", "row", "col", "movers")) == [
        (old, -1, -1, 1),
        (old, *heat.cell(latitude=55, longitude=11), 2),
    ]
    assert old not in partitions.days()
    assert {kept, now.date(), now.date() + timedelta(days=1)} <= set(partitions.days())
    assert Position.objects.count() == 1


def test_rotating_again_does_nothing(now: datetime) -> None:
    store(noon(now.date() - timedelta(days=20)))
    partitions.rotate(now=now)
    rotation = partitions.rotate(now=now)
    assert (rotation.made, rotation.dropped) == (0, {})


def test_day_restored_and_dropped_again_keeps_the_larger_count(now: datetime) -> None:
    day = now.date() - timedelta(days=20)
    for mmsis in ([1, 2], [1], [1, 2, 3]):
        for mmsi in mmsis:
            store(noon(day), mmsi=VESSEL + mmsi)
        partitions.drop(day)
        assert HeatCellHistorical.objects.get().movers == max(2, len(mmsis))


def test_dropping_a_day_without_a_partition_is_told(now: datetime) -> None:
    assert partitions.drop(now.date() - timedelta(days=50)) is None


def test_failed_drop_loses_neither_positions_nor_history(now: datetime) -> None:
    day = now.date() - timedelta(days=20)
    store(noon(day))

    def fail_afterwards() -> None:
        with atomic():
            partitions.drop(day)
            connection().cursor().execute("SELECT 1 / 0")

    with pytest.raises(DatabaseError, match="division by zero"):
        fail_afterwards()
    assert (Position.objects.count(), HeatCellHistorical.objects.count()) == (1, 0)


def test_heat_counts_each_mover_once_per_cell(now: datetime) -> None:
    at = now - timedelta(hours=1)
    for second, mmsi, sog in [(0, 1, 9), (10, 1, 9), (0, 2, 1.0), (0, 3, 0.9), (0, 4, None)]:
        store(at + timedelta(seconds=second), mmsi=VESSEL + mmsi, sog=sog)
    store(at, mmsi=VESSEL + 5, latitude=55.0051)
    store(at, mmsi=VESSEL + 6, longitude=11.0076)
    heat.roll_up(now=now)
    row, col = heat.cell(latitude=55, longitude=11)
    assert live() == {(row, col): 2, (row + 1, col): 1, (row, col + 1): 1}


def test_heat_looks_at_seven_days(now: datetime) -> None:
    for days, row in [(6.99, 0), (7.01, 1)]:
        store(now - timedelta(days=days), latitude=55 + row)
    heat.roll_up(now=now)
    assert list(live()) == [heat.cell(latitude=55, longitude=11)]


def test_cell_that_cooled_down_goes_and_the_others_stay_as_they_were(now: datetime) -> None:
    store(now - timedelta(days=6.5))
    store(now - timedelta(hours=1), latitude=56)
    assert heat.roll_up(now=now) == 2
    before = HeatCell.objects.get(row=56 * 200).updated_at
    assert heat.roll_up(now=now + timedelta(days=1)) == 0
    assert HeatCell.objects.get().updated_at == before


@pytest.mark.parametrize(
    "place",
    [(55.0, 11.0), (-0.001, -0.001), (0.0, 0.0), (89.999, 179.999), (-90.0, -180.0), (51.4975, 0.0075)],
)
def test_cells_in_python_and_sql_are_the_same(now: datetime, place: tuple[float, float]) -> None:
    latitude, longitude = place
    store(now, latitude=latitude, longitude=longitude)
    heat.roll_up(now=now)
    assert list(live()) == [heat.cell(latitude=latitude, longitude=longitude)]


def test_corner_of_a_cell_is_south_west_of_what_is_in_it() -> None:
    row, col = heat.cell(latitude=55.003, longitude=-11.001)
    assert heat.corner(row=row, col=col) == (55.0, -11.0025)
