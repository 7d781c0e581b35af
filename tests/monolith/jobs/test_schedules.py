"""Schedules: rows that keep their timing across deployments, and one job per tick."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from monolith import atomic, entering
from monolith.embedded import PostgresCluster
from monolith.jobs import CatchUp, registry, schedules
from monolith.jobs.ticks import MAX_CAUGHT_UP
from monolith.models import Job, Schedule
from monolith.testing.database import admin_connection
from tests.monolith.jobs.toy import MODULE, Toy

committed = pytest.mark.usefixtures("committed_db")
in_test = pytest.mark.django_db(databases="__all__")

NOW = datetime(2026, 6, 1, 10, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAME = "apps.hikes.tasks.tidy"


def tidy(depth: int = 3) -> None:
    """Do nothing; the tests here look at rows."""


def row() -> Schedule:
    return Schedule.objects.get(pk=NAME)


def ticks() -> list[datetime]:
    """Return the ticks that were fired, as they were enqueued."""
    return [tick for tick in Job.objects.order_by("id").values_list("tick", flat=True) if tick is not None]


@in_test
def test_a_new_schedule_of_every_runs_at_once_and_then_keeps_its_grid(toy: Toy) -> None:
    toy(tidy, every=HOUR)
    assert schedules.upsert(MODULE, now=NOW) == [NAME]
    assert schedules.fire(MODULE, now=NOW) == 1
    assert schedules.fire(MODULE, now=NOW + timedelta(minutes=59)) == 0
    assert schedules.fire(MODULE, now=NOW + timedelta(minutes=61)) == 1  # a minute late, and yet:
    assert ticks() == [NOW, NOW + HOUR]
    assert (row().last_at, row().next_at) == (NOW + HOUR, NOW + 2 * HOUR)


@in_test
def test_a_new_schedule_of_the_calendar_waits_for_it(toy: Toy) -> None:
    toy(tidy, cron="0 3 * * *", timezone="Europe/Oslo")
    schedules.upsert(MODULE, now=NOW)
    assert row().next_at == datetime(2026, 6, 2, 1, 0, tzinfo=UTC)
    assert schedules.fire(MODULE, now=NOW) == 0


@in_test
def test_the_clock_that_counts_is_the_databases(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE)
    assert abs((row().next_at - datetime.now(UTC)).total_seconds()) < 60
    assert schedules.fire(MODULE) == 1
    seconds = schedules.seconds_to_next(MODULE)
    assert seconds is not None
    assert 3590 < seconds <= 3600


@in_test
def test_a_fired_job_is_one_of_its_task(toy: Toy) -> None:
    toy(tidy, every=HOUR, priority=9, heavy=True, concurrency_key="tidy:{depth}")
    schedules.upsert(MODULE, now=NOW)
    schedules.fire(MODULE, now=NOW)

    job = Job.objects.get()
    assert (job.task, job.schedule, job.tick, job.due_at) == (NAME, NAME, NOW, NOW)
    assert (job.arguments, job.priority, job.heavy) == ({"args": [], "kwargs": {}}, 9, True)
    assert (job.concurrency_key, job.status, job.travels) == ("tidy:3", "ready", {})


@in_test
def test_jitter_puts_jobs_off_and_not_ticks(toy: Toy) -> None:
    toy(tidy, every=timedelta(seconds=10), jitter=timedelta(minutes=5), catch_up=CatchUp.ALL)
    schedules.upsert(MODULE, now=NOW)
    schedules.fire(MODULE, now=NOW + timedelta(seconds=390))

    jobs = list(Job.objects.order_by("id"))
    delays = [job.due_at - job.tick for job in jobs if job.tick is not None]
    assert len({*delays}) == len(jobs) == 40
    assert all(timedelta() <= delay <= timedelta(minutes=5) for delay in delays)
    assert max(delays) > timedelta(minutes=2)
    assert all((job.status == "waiting") == (job.due_at > NOW + timedelta(seconds=390)) for job in jobs)


@in_test
@pytest.mark.parametrize(
    ("catch_up", "late", "fired"),
    [
        (CatchUp.LATEST, timedelta(hours=3, minutes=30), [3]),
        (CatchUp.SKIP, timedelta(hours=3, minutes=30), []),
        (CatchUp.SKIP, timedelta(hours=3, seconds=60), [3]),  # the last one is not late
        (CatchUp.SKIP, timedelta(hours=3, seconds=61), []),
        (CatchUp.SKIP, timedelta(seconds=5), [0]),
        (CatchUp.ALL, timedelta(hours=3, minutes=30), [0, 1, 2, 3]),
    ],
)
def test_missed_ticks_are_caught_up_as_declared(
    toy: Toy, catch_up: CatchUp, late: timedelta, fired: list[int]
) -> None:
    toy(tidy, every=HOUR, catch_up=catch_up)
    schedules.upsert(MODULE, now=NOW)
    assert schedules.fire(MODULE, now=NOW + late) == len(fired)
    assert ticks() == [NOW + n * HOUR for n in fired]
    assert row().next_at == NOW + (late // HOUR + 1) * HOUR
    assert schedules.fire(MODULE, now=NOW + late) == 0


@in_test
def test_catching_up_with_all_ends_somewhere(toy: Toy) -> None:
    toy(tidy, every=timedelta(seconds=1), catch_up=CatchUp.ALL)
    schedules.upsert(MODULE, now=NOW)
    assert schedules.fire(MODULE, now=NOW + timedelta(days=30)) == MAX_CAUGHT_UP
    assert ticks()[-1] == NOW + timedelta(days=30)


@in_test
@pytest.mark.parametrize("change", ["2026-03-29T01:00Z", "2026-10-25T01:00Z"])
@pytest.mark.parametrize(("cron", "count"), [("30 2 * * *", 3), ("0 * * * *", 72), ("*/15 * * * *", 288)])
def test_nights_in_which_clocks_change_fire_each_tick_once(
    toy: Toy, change: str, cron: str, count: int
) -> None:
    start = datetime.fromisoformat(change) - timedelta(hours=36)
    toy(tidy, cron=cron, timezone="Europe/Oslo")
    schedules.upsert(MODULE, now=start)
    fired = sum(schedules.fire(MODULE, now=start + timedelta(minutes=n)) for n in range(10, 72 * 60 + 10, 10))
    assert fired == len({*ticks()}) == count
    days = [tick.astimezone(ZoneInfo("Europe/Oslo")).date() for tick in ticks()]
    assert len({*days}) == (3 if count == 3 else 4)


@in_test
def test_a_schedule_fires_while_its_last_job_still_waits(toy: Toy) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    assert [schedules.fire(MODULE, now=NOW + n * HOUR) for n in range(2)] == [1, 1]


@in_test
def test_with_a_dedupe_key_one_job_waits_at_most(toy: Toy) -> None:
    toy(tidy, every=HOUR, dedupe_key="tidy")
    schedules.upsert(MODULE, now=NOW)
    assert [schedules.fire(MODULE, now=NOW + n * HOUR) for n in range(3)] == [1, 0, 0]
    assert row().last_at == NOW + 2 * HOUR
    Job.objects.update(started_at=NOW, status="running")
    assert schedules.fire(MODULE, now=NOW + 3 * HOUR) == 1


@in_test
def test_deploying_again_changes_no_timing(toy: Toy) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    schedules.fire(MODULE, now=NOW)
    before = Schedule.objects.filter(pk=NAME).values().get()
    assert schedules.upsert(MODULE, now=NOW + timedelta(minutes=20)) == []
    assert Schedule.objects.filter(pk=NAME).values().get() == before


@in_test
@pytest.mark.parametrize(
    ("minutes", "next_minutes"),
    [
        (30, 30),  # from the last tick, not from the deployment
        (10, 20),  # that passed already: now
        (90, 90),
    ],
)
def test_another_interval_counts_from_the_last_tick(toy: Toy, minutes: int, next_minutes: int) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    schedules.fire(MODULE, now=NOW)
    toy(tidy, every=timedelta(minutes=minutes))
    assert schedules.upsert(MODULE, now=NOW + timedelta(minutes=20)) == [NAME]
    assert row().next_at == NOW + timedelta(minutes=next_minutes)
    assert row().last_at == NOW


@in_test
def test_another_time_zone_moves_the_next_tick_and_more_jitter_does_not(toy: Toy) -> None:
    toy(tidy, cron="0 3 * * *", timezone="Europe/Oslo")
    schedules.upsert(MODULE, now=NOW)
    toy(tidy, cron="0 3 * * *", timezone="Asia/Tokyo")
    assert schedules.upsert(MODULE, now=NOW) == [NAME]
    assert row().next_at == datetime(2026, 6, 2, 3, tzinfo=ZoneInfo("Asia/Tokyo"))

    Schedule.objects.update(next_at=NOW)
    toy(tidy, cron="0 3 * * *", timezone="Asia/Tokyo", jitter=timedelta(minutes=1))
    assert schedules.upsert(MODULE, now=NOW) == [NAME]
    assert (row().next_at, row().jitter_s) == (NOW, 60)


@in_test
def test_a_schedule_without_its_function_stays_and_does_not_fire(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    assert schedules.orphans(MODULE) == schedules.remove_orphans(MODULE) == []

    monkeypatch.setattr(registry, "tasks", dict)
    assert schedules.fire(MODULE, now=NOW) == 0
    assert schedules.seconds_to_next(MODULE) is None
    assert schedules.orphans(MODULE) == [NAME]
    assert schedules.upsert(MODULE, now=NOW) == []
    assert row().next_at == NOW
    assert schedules.remove_orphans(MODULE) == [NAME]
    assert schedules.orphans(MODULE) == []


@in_test
def test_a_task_that_is_no_longer_due_by_itself_leaves_an_orphan(toy: Toy) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    toy(tidy)
    assert schedules.fire(MODULE, now=NOW) == 0
    assert schedules.orphans(MODULE) == [NAME]


@in_test
def test_a_paused_schedule_does_not_fire_and_missed_nothing_when_it_resumes(toy: Toy) -> None:
    toy(tidy, every=HOUR, catch_up=CatchUp.ALL)
    schedules.upsert(MODULE, now=NOW)
    schedules.pause(MODULE, NAME)
    later = NOW + 5 * HOUR
    assert schedules.fire(MODULE, now=later) == 0
    assert schedules.seconds_to_next(MODULE) is None
    toy(tidy, every=2 * HOUR, catch_up=CatchUp.ALL)
    schedules.upsert(MODULE, now=NOW)
    assert not row().enabled  # a deployment does not switch it on

    schedules.resume(MODULE, NAME, now=later)
    schedules.resume(MODULE, NAME, now=later + HOUR)  # nothing to do
    assert schedules.fire(MODULE, now=later) == 1
    assert ticks() == [later]


@in_test
def test_one_that_cannot_be_fired_holds_up_no_other(toy: Toy) -> None:
    def other() -> None: ...

    toy(tidy, every=HOUR)
    toy(other, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    Schedule.objects.filter(pk=NAME).update(every_s=None, cron="nonsense", next_at=NOW - HOUR)
    with pytest.raises(ExceptionGroup, match="schedules of hikes") as raised:
        schedules.fire(MODULE, now=NOW)
    assert [note for error in raised.value.exceptions for note in error.__notes__] == [
        f"while firing the schedule {NAME}"
    ]
    assert ticks() == [NOW]
    assert row().next_at == NOW - HOUR


@in_test
def test_a_tick_that_has_its_job_gets_no_other(toy: Toy) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    schedules.fire(MODULE, now=NOW)
    Schedule.objects.update(next_at=NOW)
    assert schedules.fire(MODULE, now=NOW) == 0
    assert row().next_at == NOW + HOUR


@in_test
def test_a_job_and_the_schedules_next_tick_are_kept_together_or_not_at_all(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    monkeypatch.setattr(schedules, "_MOVE", "SELECT 1 / 0")
    with pytest.raises(ExceptionGroup):
        schedules.fire(MODULE, now=NOW)
    assert ticks() == []


@contextmanager
def listening(cluster: PostgresCluster) -> Iterator[psycopg.Connection[Any]]:
    with admin_connection(cluster, str(connections[MODULE].settings_dict["NAME"])) as connection:
        connection.execute("LISTEN monolith_jobs")
        yield connection


@committed
def test_firing_wakes_the_workers(toy: Toy, cluster: PostgresCluster) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE)
    with listening(cluster) as connection:
        assert schedules.fire(MODULE) == 1
        assert [n.payload for n in connection.notifies(timeout=10, stop_after=1)] == [MODULE]


@committed
def test_a_schedule_that_another_process_fires_is_passed_over(toy: Toy, cluster: PostgresCluster) -> None:
    toy(tidy, every=HOUR)
    schedules.upsert(MODULE, now=NOW)
    database = str(connections[MODULE].settings_dict["NAME"])
    with admin_connection(cluster, database) as other, other.transaction():
        table = sql.Identifier(MODULE, "monolith_schedule")
        other.execute(sql.SQL("SELECT FROM {} FOR UPDATE").format(table))
        assert schedules.fire(MODULE, now=NOW) == 0
    assert schedules.fire(MODULE, now=NOW) == 1


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in threads that start together, each with a connection of its own."""
    barrier = Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(10)
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@committed
def test_processes_that_deploy_at_once_agree(toy: Toy) -> None:
    toy(tidy, every=HOUR)
    added = at_once(8, lambda _: schedules.upsert(MODULE, now=NOW))
    assert sorted(added) == [[]] * 7 + [[NAME]]
    schedules.fire(MODULE, now=NOW)
    toy(tidy, every=2 * HOUR)
    changed = at_once(8, lambda _: schedules.upsert(MODULE, now=NOW))
    assert sorted(changed) == [[]] * 7 + [[NAME]]
    assert row().next_at == NOW + 2 * HOUR


@committed
@pytest.mark.parametrize("seed", range(3))
def test_each_tick_is_fired_once_however_many_fire(toy: Toy, cluster: PostgresCluster, seed: int) -> None:
    random = Random(seed)
    every = timedelta(seconds=random.randint(1, 50))
    toy(tidy, every=every, catch_up=CatchUp.ALL)
    schedules.upsert(MODULE, now=NOW)
    moments = [NOW]
    while len(moments) < 40:
        moments.append(moments[-1] + every * random.uniform(0, 3))

    def fire(number: int) -> int:
        own = Random(f"{seed} {number}")
        # Clocks that are a little apart, as when some are told late what time it is.
        return sum(schedules.fire(MODULE, now=moment - every * own.uniform(0, 2)) for moment in moments)

    with without_backstop(cluster):
        fired = at_once(4, fire)
        fired.append(schedules.fire(MODULE, now=moments[-1]))
        expected = [NOW + n * every for n in range((moments[-1] - NOW) // every + 1)]
        assert sorted(ticks()) == expected
    assert sum(fired) == len(expected)


@contextmanager
def without_backstop(cluster: PostgresCluster) -> Iterator[None]:
    """Take away the constraint that would hide a tick fired twice."""
    with admin_connection(cluster, str(connections[MODULE].settings_dict["NAME"])) as connection:
        index = sql.Identifier(MODULE, "monolith_job_tick")
        (definition,) = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE (schemaname, indexname) = (%s, 'monolith_job_tick')",
            [MODULE],
        ).fetchone() or ("",)
        connection.execute(sql.SQL("DROP INDEX {}").format(index))
        try:
            yield
        finally:
            with entering(MODULE), atomic():
                Job.objects.all().delete()
            connection.execute(definition)
