"""Events from publish() to the subscriber's row: rate against a loop written by hand, latency, and full tables.

    uv run --group bench python -m tests.benchmarks.events [--events 10000] [--rounds 3] [--minutes 0]

One module publishes, 50 events in a transaction, over 1,000 keys; two modules subscribe, and insert a row each. Ours is
`manage.py qcluster` with two workers; the peer (peers/events_loop.py) is psycopg and nats-py with the same statements on
the same tables, one relay, one consumer, two workers. Both use the same PostgreSQL and the same NATS server, one after
the other, in turns. A rate counts deliveries from a subscriber's first row to the last, on the database's clock; a run fails unless
each row is there once and in the order of its key. Ratios are medians of the rounds'.

Then, for ours alone: from the commit of a publish() to the subscriber's row at 200 events a second, on the database's
clock; the rate with 1,000,000 handled and 100,000 waiting rows in the tables against the rate without; and, with
--minutes, the memory of all processes while events go on.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from psycopg.conninfo import make_conninfo

from monolith.embedded import erase
from monolith.embedded.postgres import DATABASE
from tests.benchmarks.ending import clean_up_when_terminated
from tests.benchmarks.peers import events_loop
from tests.nats_server import NatsServer
from tests.system.events_project import EventsProject
from tests.system.jobs_project import QCluster, wait_until

KEYS: Final = 1_000
WORKERS: Final = 2
READERS: Final = ("module2", "module3")
RATIO: Final = 0.7
FULL_RATIO: Final = 0.8
P50_MS: Final = 20.0
P99_MS: Final = 100.0
PER_SECOND: Final = 200

PUBLISH: Final = "with entering('module0'): tasks('module0').count.func({keys}, {per_key})"
PACED: Final = """
import time
from contracts.{source} import Counted
from monolith import connection
from monolith.events import publish
with entering("{source}"):
    told = []
    begin = time.monotonic()
    for number in range({count}):
        time.sleep(max(0.0, begin + number / {per_second} - time.monotonic()))
        with atomic():
            publish(Counted(thing=f"thing-{{number % 1000}}", number=number // 1000))
        told.append((f"thing-{{number % 1000}}", number // 1000, time.time()))
    with connection().cursor() as cursor:
        cursor.executemany("INSERT INTO seen (source, thing, number, correlation, causation, at) VALUES"
            " ('commit', %s, %s, '', '', to_timestamp(%s))", told)
"""
HANDLED: Final = """
INSERT INTO {schema}.monolith_job
    (task, message_id, arguments, ordered, concurrency_key, status, workers, fence, result, enqueued_at, started_at, finished_at)
SELECT 'modules.{schema}.subscribers.first', gen_random_uuid(), jsonb_build_object('args', jsonb_build_array(n), 'kwargs', '{{}}'::jsonb),
    true, 'modules.{schema}.subscribers.first|:thing-' || n % 1000, 'succeeded', '["host/0123456789ab/0.1"]', 1, 'null',
    at.at, at.at, at.at
FROM generate_series(1, 1000000) AS n, LATERAL (SELECT now() - interval '1 day' + n * interval '50 ms' AS at) AS at
"""
WAITING: Final = """
INSERT INTO {schema}.monolith_job (task, message_id, arguments, ordered, concurrency_key, status, due_at)
SELECT 'modules.{schema}.subscribers.first', gen_random_uuid(), '{{"args": [], "kwargs": {{}}}}', true,
    'modules.{schema}.subscribers.first|:later-' || n, 'waiting', now() + interval '1 day'
FROM generate_series(1, 100000) AS n
"""
TIMERS: Final = """
INSERT INTO module0.monolith_outbox (id, type, partition_key, environment, envelope, status, due_at)
SELECT gen_random_uuid(), 'module0.Counted', ':later', 'test', '{}', 'waiting', now() + interval '1 day'
FROM generate_series(1, 100000)
"""


class Course:
    """The project, its broker, and who runs on them."""

    def __init__(self, place: Path) -> None:
        self.project = EventsProject(place)
        self.project.migrate()
        self.nats = NatsServer(place)
        self.nats.start()
        self.environ = {"MONOLITH_BROKER_URL": self.nats.url, "MONOLITH_ENVIRONMENT": "test"}
        self.turn = 0

    @contextmanager
    def ours(self) -> Iterator[Callable[[], int]]:
        """Run our cluster; gives a function that returns the memory of all of its processes, in bytes."""
        with QCluster(self.project, "--workers", str(WORKERS), **self.environ) as cluster:
            self.warm_up()
            yield lambda: sum(map(resident, cluster.processes()))

    @contextmanager
    def peer(self) -> Iterator[Callable[[], int]]:
        """Run the loop written by hand."""
        self.turn += 1
        stream = "peer"
        for name in self.project.names:  # the framework's own jobs, which only our workers know
            self.project.execute(f"DELETE FROM {name}.monolith_job WHERE message_id IS NULL")
        if self.turn == 1:
            asyncio.run(events_loop.make_stream(self.nats.url, stream))
        cluster = self.project.cluster
        database = make_conninfo(cluster.admin_url, dbname=DATABASE)
        options = ["--database", database, "--broker", self.nats.url, "--stream", stream]
        command = [sys.executable, "-m", "tests.benchmarks.peers.events_loop"]
        environ = os.environ | {"PGPASSFILE": str(cluster.passfile("admin"))}
        parts = ["relay", "consume", *["work"] * WORKERS]
        processes = [subprocess.Popen([*command, part, *options], env=environ) for part in parts]
        try:
            self.warm_up()
            yield lambda: sum(resident(process.pid) for process in processes)
        finally:
            for process in processes:
                process.kill()
                process.wait()

    def warm_up(self) -> None:
        self.publish(10, 1)
        wait_until(lambda: self.seen() >= 20, "it runs")
        self.empty()

    def publish(self, keys: int, per_key: int) -> None:
        self.project.enqueue(PUBLISH.format(keys=keys, per_key=per_key), **self.environ)

    def seen(self) -> int:
        return sum(
            count
            for name in READERS
            for (count,) in self.project.rows(f"SELECT count(*) FROM {name}.seen WHERE source = 'module0'")
        )

    def empty(self) -> None:
        wait_until(lambda: self.project.settle() == (0, 0) or self.only_later(), "all is quiet")
        for name in self.project.names:
            self.project.execute(f"TRUNCATE {name}.seen RESTART IDENTITY")

    def only_later(self) -> bool:
        open_ = self.project.each(
            "SELECT count(*) FROM {m}.monolith_job WHERE message_id IS NOT NULL"
            " AND status IN ('ready', 'blocked', 'running')"
        )
        out = self.project.each("SELECT count(*) FROM {m}.monolith_outbox WHERE status = 'ready'")
        return not any(n for (n,) in [*open_, *out])

    def rate(self, events: int) -> float:
        """Publish so many events; returns deliveries a second until the last of them is there."""
        self.empty()
        per_key = max(1, events // KEYS)
        self.publish(KEYS, per_key)
        wanted = KEYS * per_key * len(READERS)
        wait_until(lambda: self.seen() >= wanted, f"{wanted} deliveries", 600)
        self.check(KEYS * per_key)
        ((first, last),) = self.project.rows(
            "SELECT min(at), max(at) FROM (SELECT at FROM module2.seen UNION ALL SELECT at FROM module3.seen) AS all_seen"
        )
        return float(wanted / (last - first).total_seconds())

    def check(self, events: int) -> None:
        for name in READERS:
            ((count, breaks),) = self.project.rows(
                "SELECT count(*), count(*) FILTER (WHERE number <> place) FROM (SELECT number, row_number() OVER"
                f" (PARTITION BY thing ORDER BY id) - 1 AS place FROM {name}.seen WHERE source = 'module0') AS seen"
            )
            if (count, breaks) != (events, 0):
                raise SystemExit(f"{name} saw {count} of {events} events, {breaks} of them out of order")

    def latency_ms(self, count: int, source: str = "module0") -> list[float]:
        self.empty()
        self.project.enqueue(PACED.format(count=count, per_second=PER_SECOND, source=source), **self.environ)
        sql = (
            "SELECT extract(epoch FROM seen.at - told.at)::float8 * 1000 FROM module2.seen AS seen"
            f" JOIN {source}.seen AS told USING (thing, number)"
            f" WHERE told.source = 'commit' AND seen.source = '{source}'"
        )
        wait_until(lambda: len(self.project.rows(sql)) >= count, "all of them", 60)
        return sorted(value for (value,) in self.project.rows(sql))


def resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def verdict(holds: bool) -> str:
    return "holds" if holds else "does NOT hold"


def race(course: Course, events: int, rounds: int) -> None:
    ratios = []
    for number in range(rounds):
        rates = {}
        for name in ("ours", "peer") if number % 2 == 0 else ("peer", "ours"):
            with (course.ours if name == "ours" else course.peer)():
                rates[name] = course.rate(events)
        ratios.append(rates["ours"] / rates["peer"])
        print(
            f"round {number + 1}: ours {rates['ours']:.0f}, by hand {rates['peer']:.0f} deliveries/s: {ratios[-1]:.2f}"
        )
    ratio = statistics.median(ratios)
    print(
        f"ours / by hand {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}); >= {RATIO} {verdict(ratio >= RATIO)}"
    )


def latency(course: Course) -> None:
    with course.ours():
        measured = {
            subscribers: course.latency_ms(PER_SECOND * 15, source)
            for subscribers, source in ((1, "module1"), (len(READERS), "module0"))
        }
    for subscribers, values in measured.items():
        p50, p99 = statistics.median(values), values[int(len(values) * 0.99)]
        print(
            f"\nFrom commit to the row of a subscriber at {PER_SECOND}/s, {subscribers} subscribed:"
            f" p50 {p50:.1f} ms < {P50_MS:g} {verdict(p50 < P50_MS)},"
            f" p99 {p99:.1f} ms < {P99_MS:g} {verdict(p99 < P99_MS)}"
        )


def full(course: Course, events: int) -> None:
    with course.ours():
        before = statistics.median(course.rate(events) for _ in range(3))
    for schema in READERS:
        for statement in (HANDLED, WAITING):
            course.project.execute(statement.format(schema=schema))
        course.project.execute(f"VACUUM (ANALYZE) {schema}.monolith_job")
    course.project.execute(TIMERS)
    course.project.execute("VACUUM (ANALYZE) module0.monolith_outbox")
    course.project.execute("CHECKPOINT")
    with course.ours():
        after = statistics.median(course.rate(events) for _ in range(3))
    ratio = after / before
    print(
        f"\nWith 1,000,000 handled and 100,000 waiting rows in each inbox, and 100,000 timers: {after:.0f} against "
        f"{before:.0f} deliveries/s: {ratio:.2f}; >= {FULL_RATIO} {verdict(ratio >= FULL_RATIO)}"
    )


def memory(course: Course, minutes: float) -> None:
    ends = time.monotonic() + minutes * 60
    print(f"\nMemory of all processes while {PER_SECOND} events a second go on")
    with course.ours() as resident_bytes:
        while time.monotonic() < ends:
            course.latency_ms(PER_SECOND * 30)
            print(f"  {resident_bytes() / 1024**2:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3, help="0 leaves the peer out")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long memory is looked at")
    parser.add_argument("--only", choices=["race", "latency", "full", "memory"])
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="monolith-events-"))
    course = Course(place)
    try:
        if options.rounds and options.only in (None, "race"):
            race(course, options.events, options.rounds)
        if options.only in (None, "latency"):
            latency(course)
        if options.only in (None, "full"):
            full(course, options.events)
        if options.minutes:
            memory(course, options.minutes)
    finally:
        course.nats.stop()
        erase(course.project.cluster.directory)
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text file, unless somebody replaced it
    clean_up_when_terminated()
    main()
