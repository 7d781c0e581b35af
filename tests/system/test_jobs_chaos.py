"""Jobs while their processes are killed: every effect once, nothing lost, nothing beside itself.

With MONOLITH_CHAOS_JOBS=50000 in the environment as many as the design promises; a few thousand otherwise.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tests.system.jobs_project import OURS, JobsProject, QCluster, jobs_project, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

MODULES = 9
WORKERS = 8
JOBS = int(os.environ.get("MONOLITH_CHAOS_JOBS", "4500"))
PACE_S = 2.0  # between two kills


@pytest.fixture(scope="module")
def project() -> Iterator[JobsProject]:
    with jobs_project(MODULES) as made:
        yield made


@pytest.fixture(autouse=True)
def empty(project: JobsProject) -> None:
    for name in project.names:
        project.execute(f"TRUNCATE {name}.effect, {name}.monolith_job RESTART IDENTITY")


def enqueue(project: JobsProject, per_module: int, call: str) -> None:
    """Run `call` so often in each module, in one transaction."""
    project.enqueue(
        f"for name in {project.names}:\n"
        "    with entering(name), atomic():\n"
        f"        for number in range({per_module}):\n"
        f"            {call}\n"
    )


class Killer(threading.Thread):
    """Kills a random worker of a cluster, the sentinel, or all of it at once, and has a new one started then."""

    def __init__(self, project: JobsProject, *, pause_s: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.project = project
        self.pause_s = pause_s
        self.random = random.Random(seed)
        self.ended = threading.Event()
        self.kills = {"worker": 0, "sentinel": 0, "cluster": 0}
        self.cluster = QCluster(project, "--workers", str(WORKERS))

    def run(self) -> None:
        while not self.ended.wait(self.pause_s * self.random.uniform(0.5, 1.5)):
            self._strike(self.random.choice(["worker", "worker", "worker", "worker", "sentinel", "cluster"]))

    def _strike(self, what: str) -> None:
        workers = self.cluster.workers()
        if not workers:
            return
        self.kills[what] += 1
        if what == "worker":
            _kill(self.random.choice(workers))
            return
        if what == "sentinel":
            _kill(self.cluster.processes()[1])
        self.cluster.kill()
        self.cluster = QCluster(self.project, "--workers", str(WORKERS))

    def stop(self) -> None:
        self.ended.set()
        self.join(60)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def run_under_fire(project: JobsProject, timeout_s: float) -> dict[str, int]:
    """Run every job while processes are killed, then let the last ones end in peace."""
    killer = Killer(project, pause_s=PACE_S, seed=4)
    killer.start()
    try:
        started = time.monotonic()
        wait_until(lambda: project.unfinished() < JOBS / 20, "most jobs have ended", timeout_s)
        killer.stop()
        wait_until(lambda: project.unfinished() == 0, "all jobs have ended", 120)
        sys.stdout.write(f"\n{JOBS} jobs, {time.monotonic() - started:.0f} s, killed: {killer.kills}\n")
    finally:
        killer.stop()
        killer.cluster.kill()
    return killer.kills


def test_effects_happen_once_whatever_is_killed(project: JobsProject) -> None:
    enqueue(project, JOBS // MODULES, "tasks(name).effect.enqueue(number)")

    kills = run_under_fire(project, timeout_s=JOBS / 20 + 120)

    assert kills["worker"] > 0
    wanted = [(JOBS // MODULES, JOBS // MODULES)] * MODULES
    assert project.each("SELECT count(*), count(DISTINCT number) FROM {m}.effect") == wanted
    states = project.each(
        "SELECT DISTINCT status, leased_until IS NULL, claimed_until IS NULL FROM {m}.monolith_job WHERE "
        + OURS
    )
    assert set(states) == {("succeeded", True, True)}


def test_attempts_follow_each_other_and_are_counted(project: JobsProject) -> None:
    per_module = JOBS // MODULES // 10
    enqueue(project, per_module, "tasks(name).steps.enqueue(number, pause_s=0.02)")

    run_under_fire(project, timeout_s=240)

    wanted = [(per_module, per_module)] * MODULES
    assert project.each("SELECT count(*), count(DISTINCT number) FROM {m}.effect WHERE step = 0") == wanted
    # Each attempt left its trace before the next began: no job ran beside itself.
    overlapping = project.each(
        "SELECT one.number FROM {m}.effect one JOIN {m}.effect other USING (number)"
        " WHERE one.step > 0 AND other.step > 0 AND one.attempt < other.attempt AND one.at > other.at"
    )
    assert overlapping == []
    # The last attempt is the one that left all of its steps; one that was killed before its first left none.
    wrong = project.each(
        "SELECT job.id FROM {m}.monolith_job job JOIN {m}.effect ON number = (arguments->'args'->>0)::int"
        " WHERE task LIKE 'modules.%' GROUP BY job.id HAVING max(attempt) <> jsonb_array_length(max(workers::text)::jsonb)"
    )
    assert wrong == []
    assert project.each("SELECT id FROM {m}.monolith_job WHERE status <> 'succeeded' AND " + OURS) == []


def test_the_loop_comes_back_when_the_database_was_restarted(project: JobsProject) -> None:
    enqueue(project, 200, "tasks(name).effect.enqueue(number)")
    enqueue(project, 5, "tasks(name).steps.enqueue(1000 + number, pause_s=0.3)")
    with QCluster(project, "--workers", "4") as cluster:
        before = cluster.process.pid
        wait_until(lambda: project.rows("SELECT count(*) FROM module0.effect")[0][0] > 10, "jobs run")
        project.cluster.stop()
        project.cluster.start()
        wait_until(lambda: project.unfinished() == 0, "all jobs have ended", 90)
        assert cluster.process.poll() is None
        assert cluster.process.pid == before
    wanted = [(205, 205)] * MODULES
    assert project.each("SELECT count(*), count(DISTINCT number) FROM {m}.effect WHERE step = 0") == wanted


def test_a_lost_notification_costs_a_moment_alone(project: JobsProject) -> None:
    with QCluster(project, "--workers", "2") as cluster:
        wait_until(lambda: "Running the jobs" in cluster.output, "the cluster runs")
        project.execute(
            "INSERT INTO module3.monolith_job (task, arguments, status)"
            """ VALUES ('modules.module3.tasks.effect', '{"args": [1], "kwargs": {}}', 'ready')"""
        )
        wait_until(lambda: project.unfinished() == 0, "the job was found by polling", 10)


def test_a_stop_lets_short_jobs_end_and_hands_long_ones_back(project: JobsProject) -> None:
    enqueue(
        project, 1, "tasks(name).alone.enqueue('same', number, pause_s=0.4 if name == 'module0' else 30.0)"
    )
    with QCluster(project, "--workers", str(MODULES), "--per-module", "1", "--grace", "2") as cluster:
        running = "SELECT count(*) FROM {m}.monolith_job WHERE status = 'running'"
        wait_until(lambda: sum(n for (n,) in project.each(running)) == MODULES, "all run")
        began = time.monotonic()
        assert cluster.stop() == 0
        assert time.monotonic() - began < 10
    assert project.rows(
        "SELECT status, jsonb_array_length(workers) FROM module0.monolith_job WHERE " + OURS
    ) == [("succeeded", 1)]
    others = project.each(
        "SELECT status, jsonb_array_length(workers), leased_until FROM {m}.monolith_job WHERE " + OURS
    )
    assert others[1:] == [("ready", 0, None)] * (MODULES - 1)
