"""What statements read when there are many jobs; with the connections that workers have, which keep plans."""

import time
from collections.abc import Callable, Iterator

import pytest

from monolith import atomic, connection, entering
from monolith.embedded import PostgresCluster
from monolith.jobs import records
from monolith.testing.database import admin_connection
from tests.monolith.jobs.toy import MODULE

MANY = 20_000

FINISHED = """
INSERT INTO monolith_job (task, arguments, status, started_at, finished_at)
SELECT 'apps.hikes.tasks.walk', '{"args": [], "kwargs": {}}', 'succeeded', now(), now() FROM generate_series(1, %s)
"""
UNFINISHED = """
INSERT INTO monolith_job (task, arguments, status, due_at, concurrency_key)
SELECT 'apps.hikes.tasks.walk', '{"args": [], "kwargs": {}}', %s, now() + %s * interval '1 day', %s
FROM generate_series(1, %s)
"""


@pytest.fixture
def as_worker(committed_db: None) -> Iterator[None]:
    """Run the test as hikes on a connection that prepares its statements at once, as workers' do after a few."""
    with entering(MODULE):
        database = connection()
        options = database.settings_dict["OPTIONS"]
        before = dict(options)
        database.close()
        options.pop("pool", None)
        options.update(prepare_threshold=0, server_side_binding=True)
        try:
            yield
        finally:
            database.close()
            options.clear()
            options.update(before)


def fill() -> None:
    with connection().cursor() as cursor:
        cursor.execute(FINISHED, [MANY])
        for status, days, key in (("ready", 0, ""), ("waiting", 1, ""), ("blocked", 0, "walk:tryfan")):
            cursor.execute(UNFINISHED, [status, days, key, MANY])


READ = """
SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relid = 'monolith_job'::regclass
"""


def rows_read(work: Callable[[], object]) -> int:
    """Return how many rows of jobs `work` reads, by index or not."""
    with atomic(), connection().cursor() as cursor:
        cursor.execute(
            READ
        )  # not of this transaction alone: what the server has not added up yet is in it too
        (before,) = cursor.fetchone()
        work()
        cursor.execute(READ)
        return int(cursor.fetchone()[0] - before)


def each_statement() -> dict[str, int]:
    """Do what workers and keepers do all the time, once; returns the rows that each read."""
    read: dict[str, int] = {}
    claimed: list[records.Claimed] = []
    read["claim"] = rows_read(lambda: claimed.extend(records.claim(MODULE, limit=5, heavy=False)))
    if claimed:
        first, second, third = claimed[:3]
        leases = {claimed[0].task: 5}
        read["claim and start"] = rows_read(
            lambda: records.claim_and_start(MODULE, limit=5, heavy=False, leases=leases, worker="w")
        )
        read["start"] = rows_read(lambda: records.start(first, lease_s=5, worker="w"))
        read["succeed_and_start"] = rows_read(
            lambda: records.succeed_and_start(first, "null", following=second, lease_s=5, worker="w")
        )
        read["succeed"] = rows_read(lambda: records.succeed(second, "null"))
        read["start again"] = rows_read(lambda: records.start(third, lease_s=5, worker="w"))
        error = {"type": "E", "traceback": "", "at": "", "worker": "w"}
        read["fail"] = rows_read(lambda: records.fail(third, attempts=5, pause_s=60, error=error))
    records.plan_anew()
    read["promote"] = rows_read(lambda: records.promote(500))
    read["next_due"] = rows_read(records.next_due_s)
    read["expired"] = rows_read(lambda: records.expired(500))
    read["unblock"] = rows_read(lambda: records.unblock("walk:tryfan"))
    read["unblock_free"] = rows_read(records.unblock_free)
    return read


def test_statements_that_were_planned_for_a_small_table_do_not_read_all_of_a_large_one(
    as_worker: None, cluster: PostgresCluster
) -> None:
    with connection().cursor() as cursor:
        cursor.execute(UNFINISHED, ["ready", 0, "", 60])
    with admin_connection(cluster, connection().settings_dict["NAME"]) as admin:
        admin.execute(f"ANALYZE {MODULE}.monolith_job")
    for _ in range(8):  # a plan is kept from the sixth time on
        each_statement()
    fill()
    time.sleep(records.PLANS_KEPT_S)

    read = each_statement()

    assert {name: rows for name, rows in read.items() if rows > 100} == {}
    assert read["claim"] > 0
