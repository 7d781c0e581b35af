"""Jobs: how many one-row jobs a second, against four peers in the same run; and what ours cost besides.

    uv run --group bench python -m tests.benchmarks.jobs [--workers 2] [--seconds 6] [--rounds 5]

Each contestant has a database of its own on one embedded PostgreSQL with its own defaults, connects with a password
over TCP as an ordinary role, and has the same number of processes that run jobs (django-q2 and ours have one more, or
two, that look after them). The jobs are enqueued first and the tables vacuumed and analysed; then the workers start.
A rate counts from the first row's clock_timestamp() to the last's. A run fails unless each number is there exactly once.
Rounds take the contestants in turns, each time beginning with another; rates are medians over the rounds, and ratios
medians of the rounds' ratios. The processor time of a job, in the contestant's processes and the server's, disturbs
less on a busy machine.

Peers: django-q2's ORM broker as it ships, its defaults besides the number of workers; the same tuned (see
`peers/jobs_django_q2.py`); procrastinate with its default of one job at a time in each process, as ours, and with ten,
which is faster here; pgqueuer with its default of ten, which is faster here than fifty. Only ours keeps a job's effect and its end in
one transaction: of the others, a process that dies may leave an effect that is made again.

Then, for ours alone: from enqueuing to start in an idle system, enqueuing against a bare INSERT of the same row, and a
claim from a table with 1,000,000 finished jobs and 100,000 of the highest priority that wait for tomorrow, against a
claim from a table without them.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from monolith.embedded import PostgresCluster, erase
from tests.benchmarks import jobs_ours
from tests.benchmarks.ending import clean_up_when_terminated
from tests.benchmarks.jobs_race import Contestant, Race, Result, peers

# Peer and the ratio that must hold.
PROMISES: Final = {"django-q2 as it ships": 5.0, "django-q2 tuned": 1.2, "procrastinate": 2.0}
START_MS: Final = 20.0  # half of all jobs of an idle system start within
CLAIM_RATIO: Final = 1.5
MODULES: Final = 3
FULL: Final = "module1"
EMPTY: Final = "module2"
READY: Final = 10_000  # to claim in both

FILL: Final = """
INSERT INTO {schema}.monolith_job
    (task, arguments, status, workers, fence, result, enqueued_at, started_at, finished_at)
SELECT 'modules.module0.tasks.insert', jsonb_build_object('args', jsonb_build_array(n), 'kwargs', '{{}}'::jsonb),
    'succeeded', '["host/0123456789ab/0.1"]', 1, 'null', at.at, at.at, at.at
FROM generate_series(1, 1000000) AS n, LATERAL (SELECT now() - interval '1 day' + n * interval '50 ms' AS at) AS at
"""
WAIT: Final = """
INSERT INTO {schema}.monolith_job (task, arguments, status, priority, due_at)
SELECT 'modules.module0.tasks.insert', '{{"args": [], "kwargs": {{}}}}', 'waiting', 100, now() + interval '1 day'
FROM generate_series(1, 100000)
"""
BE_READY: Final = """
INSERT INTO {schema}.monolith_job (task, arguments, status)
SELECT 'modules.module0.tasks.insert', '{{"args": [], "kwargs": {{}}}}', 'ready' FROM generate_series(1, {count})
"""


def verdict(holds: bool) -> str:
    return "holds" if holds else "does NOT hold"


def compare(race: Race, contestants: Sequence[Contestant], *, seconds: float, rounds: int) -> None:
    """Run the contestants in turns and print rates and ratios."""
    ours = contestants[0].name
    speed = {each.name: race.run(each, max(100, int(each.guess * seconds / 3))).rate for each in contestants}
    runs: list[dict[str, Result]] = []
    for turn in range(rounds):
        ordered = [*contestants[turn % len(contestants) :], *contestants[: turn % len(contestants)]]
        runs.append(
            {each.name: race.run(each, max(100, int(speed[each.name] * seconds))) for each in ordered}
        )
        speed = {name: result.rate for name, result in runs[-1].items()}
        print(
            f"round {turn + 1}: "
            + ", ".join(f"{each.name} {runs[-1][each.name].rate:.0f}/s" for each in contestants)
        )
    print()
    for each in contestants:
        rate = statistics.median(run[each.name].rate for run in runs)
        cost = statistics.median(run[each.name].processor_ms for run in runs)
        line = f"  {each.name:22} {rate:7.0f} jobs/s, {cost:6.2f} ms of processor each"
        if each.name != ours:
            ratios = [run[ours].rate / run[each.name].rate for run in runs]
            costs = [run[each.name].processor_ms / run[ours].processor_ms for run in runs]
            ratio = statistics.median(ratios)
            line += f"   ours / this = {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            line += f", by processor {statistics.median(costs):.2f}"
            if promised := PROMISES.get(each.name):
                line += f"; >= {promised:g} {verdict(ratio >= promised)}"
        print(line)


def inside(race: Race, ours: Contestant, *arguments: str) -> dict[str, Any]:
    """Have a process of our project measure something."""
    command = [sys.executable, "-m", "tests.benchmarks.jobs_inside", *arguments]
    done = subprocess.run(
        command,
        cwd=ours.cwd,
        env=race.environ(ours),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def latency(race: Race, ours: Contestant) -> None:
    race.empty(ours)
    with race.working(ours):
        race.run_one(ours)
        race.empty(ours)
        found = inside(race, ours, "latency", jobs_ours.MODULE)
    print("\nFrom enqueuing to start, one job at a time in an idle system, on the database's clock")
    for name, title in (("started", "start"), ("effect", "the row it inserts")):
        values = sorted(found[name])
        p50, p99 = statistics.median(values), values[int(len(values) * 0.99)]
        line = f"  to {title:20} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   ({len(values)} jobs)"
        print(line + (f"   p50 < {START_MS:g} ms {verdict(p50 < START_MS)}" if name == "started" else ""))


def enqueuing(race: Race, ours: Contestant) -> None:
    print("\nEnqueuing against a bare INSERT of the same row on the same connection")
    for name, row in inside(race, ours, "enqueue", jobs_ours.MODULE).items():
        print(f"  {name:20} {row['enqueue_ms']:.3f} ms against {row['bare_ms']:.3f} ms: {row['ratio']:.2f} x")
    race.empty(ours)


def claiming(race: Race, ours: Contestant) -> None:
    with race.admin(jobs_ours.DATABASE) as connection:
        for schema, statements in ((FULL, (FILL, WAIT, BE_READY)), (EMPTY, (BE_READY,))):
            for statement in statements:
                connection.execute(statement.format(schema=schema, count=READY))
            connection.execute(f"VACUUM (ANALYZE) {schema}.monolith_job")
        connection.execute("CHECKPOINT")
    found = inside(race, ours, "claim", FULL, EMPTY)
    print("\nClaiming with 1,000,000 finished and 100,000 waiting jobs in the table, against without them")
    for limit, row in found.items():
        line = f"  {limit:>3} at once {row['full_ms']:7.2f} ms against {row['empty_ms']:.2f} ms: {row['ratio']:.2f} x"
        print(f"{line}   < {CLAIM_RATIO} {verdict(row['ratio'] < CLAIM_RATIO)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that run jobs")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run, about")
    parser.add_argument("--rounds", type=int, default=5, help="0 leaves the peers out")
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="monolith-jobs-"))
    cluster = PostgresCluster(place / "var")
    try:
        project = jobs_ours.project(place, MODULES)
        jobs_ours.migrate(project)
        race = Race(cluster, place)
        ours = jobs_ours.contestant(place, options.workers)
        print(f"{options.workers} processes that run jobs")
        if options.rounds:
            race.add_role()
            others = peers(options.workers)
            for peer in others:
                race.prepare(peer)
            compare(race, [ours, *others], seconds=options.seconds, rounds=options.rounds)
        latency(race, ours)
        enqueuing(race, ours)
        claiming(race, ours)
    finally:
        erase(cluster.directory)
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text file, unless somebody replaced it
    clean_up_when_terminated()
    main()
