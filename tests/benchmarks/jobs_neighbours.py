"""What a module with bad jobs costs the others: their start latency beside it against that of a quiet run.

`python -m tests.benchmarks.jobs_neighbours`: one cluster per run, jobs of two modules at random moments, and a third
module that raises, sleeps past its limit, takes 2 GB, ends its process, or floods its queue. Quiet runs before and
after each one, because the machine is never the same twice; the promise is a 99th percentile within 1.5 times.
"""

import argparse
import statistics
import sys
from typing import Final

from tests.system.jobs_project import OURS, JobsProject, QCluster, jobs_project, wait_until

PROMISED: Final = 1.5
NUISANCES: Final = {
    "raises always": "failing.enqueue(n, 0) for n in range(2000)",
    "sleeps past its limit": "stubborn.enqueue(n, 8) for n in range(200)",
    "takes 2 GB": "hungry.enqueue(n, 2048) for n in range(500)",
    "ends the process": "exiting.enqueue(n) for n in range(500)",
    "enqueues 100,000": "flooding.enqueue(100_000) for n in range(1)",
}
FIRST: Final = 1_000_000  # numbers of the jobs that are measured

PROBES: Final = f"""
import random, time
for number in range({{count}}):
    time.sleep(random.uniform(0.01, 0.05))
    name = random.choice(("module1", "module2"))
    with entering(name):
        tasks(name).effect.enqueue({FIRST} + number)
"""

LATENCIES: Final = (
    "SELECT extract(epoch FROM started_at - enqueued_at)::float8 * 1000 FROM {m}.monolith_job"
    f" WHERE (arguments->'args'->>0)::int >= {FIRST}"
)


def measured(project: JobsProject, nuisance: str, *, count: int, workers: int) -> tuple[float, float]:
    """Return median and 99th percentile of the start latency of the good modules, in milliseconds."""
    for name in project.names:
        project.execute(f"TRUNCATE {name}.effect, {name}.monolith_job RESTART IDENTITY")
    with QCluster(project, "--workers", str(workers)) as cluster:
        wait_until(lambda: "Running the jobs" in cluster.output, "the cluster runs")
        if nuisance:
            project.enqueue(f"with entering('module0'), atomic():\n    [tasks('module0').{nuisance}]\n")
        project.enqueue(PROBES.format(count=count))
        good = ("SELECT count(*) FROM {m}.monolith_job WHERE finished_at IS NULL AND " + OURS,)
        wait_until(lambda: sum(n for (n,) in project.each(good[0])[1:]) == 0, "the good jobs have ended")
        latencies = [row[0] for row in project.each(LATENCIES)]
    cuts = statistics.quantiles(latencies, n=100)
    return statistics.median(latencies), cuts[98]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="jobs measured per run")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--only", default="", help="one nuisance by its beginning")
    options = parser.parse_args()
    with jobs_project(3) as project:
        quiet = [measured(project, "", count=options.count, workers=options.workers)]
        sys.stdout.write(f"quiet                   p50 {quiet[0][0]:7.1f} ms  p99 {quiet[0][1]:7.1f} ms\n")
        for what, nuisance in NUISANCES.items():
            if not what.startswith(options.only):
                continue
            beside = measured(project, nuisance, count=options.count, workers=options.workers)
            quiet.append(measured(project, "", count=options.count, workers=options.workers))
            base = statistics.mean(p99 for _, p99 in quiet[-2:])
            sys.stdout.write(
                f"{what:23} p50 {beside[0]:7.1f} ms  p99 {beside[1]:7.1f} ms  "
                f"ratio {beside[1] / base:5.2f} (quiet {quiet[-2][1]:.1f} and {quiet[-1][1]:.1f}; promised {PROMISED})\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
