"""A module whose jobs raise, hang, leak, end their process or flood: its own jobs suffer, the others' do not."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from monolith.embedded import NatsServer
from tests.system.jobs_project import JobsProject, QCluster, jobs_project, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def project() -> Iterator[JobsProject]:
    with jobs_project(2) as made:
        yield made


@pytest.fixture
def cluster(project: JobsProject) -> Iterator[QCluster]:
    for name in project.names:
        project.execute(f"TRUNCATE {name}.effect, {name}.monolith_job RESTART IDENTITY")
    with QCluster(project, "--workers", "2", "--per-module", "1") as running:
        wait_until(lambda: "Running the jobs" in running.output, "the cluster runs")
        yield running


def good_jobs_end(project: JobsProject, jobs: int = 100) -> None:
    """Run jobs of the other module to their end, each once."""
    project.enqueue(
        f"with entering('module1'), atomic():\n    [tasks('module1').effect.enqueue(n) for n in range({jobs})]\n"
    )
    done = "SELECT count(*), count(DISTINCT number) FROM module1.effect"
    wait_until(lambda: project.rows(done) == [(jobs, jobs)], "the good jobs have ended", 30)


def bad_job(project: JobsProject, call: str) -> None:
    project.enqueue(f"with entering('module0'):\n    tasks('module0').{call}\n")


def bad_rows(project: JobsProject, task: str) -> tuple[str, int, str, str]:
    """Return status, attempts, and the last error of the bad job."""
    (row,) = project.rows(
        "SELECT status, jsonb_array_length(workers), errors->-1->>'type', errors->-1->>'traceback'"
        f" FROM module0.monolith_job WHERE task LIKE '%.{task}'"
    )
    return row[0], row[1], row[2] or "", row[3] or ""


def attempts(project: JobsProject, task: str) -> int:
    return bad_rows(project, task)[1]


def test_broker_that_nobody_named_is_started_with_the_cluster(
    project: JobsProject, cluster: QCluster
) -> None:
    assert NatsServer(project.cluster.directory).is_running()


def test_one_that_raises_is_tried_again_and_keeps_its_traceback(
    project: JobsProject, cluster: QCluster
) -> None:
    bad_job(project, "failing.enqueue(7, 0)")
    good_jobs_end(project)
    wait_until(lambda: attempts(project, "failing") >= 3, "it was tried again")
    _, _, kind, traceback = bad_rows(project, "failing")
    assert kind == "builtins.ValueError"
    assert "number 7" in traceback
    assert 'tasks.py", line' in traceback


def test_one_that_sleeps_is_ended_by_its_alarm(project: JobsProject, cluster: QCluster) -> None:
    bad_job(project, "sleeping.enqueue(7, 60)")
    good_jobs_end(project)
    wait_until(lambda: attempts(project, "sleeping") >= 2, "it was tried again")
    assert bad_rows(project, "sleeping")[2] == "django_q.exceptions.TimeoutException"


def test_one_that_sleeps_on_through_its_alarm_is_killed(project: JobsProject, cluster: QCluster) -> None:
    bad_job(project, "stubborn.enqueue(7, 60)")
    good_jobs_end(project)
    wait_until(lambda: attempts(project, "stubborn") >= 2, "it was tried again")
    _, _, kind, text = bad_rows(project, "stubborn")
    assert kind == "monolith.jobs.runner.WorkerDied"
    assert "time limit" in text


def test_one_that_asks_for_too_much_memory_gets_an_error(project: JobsProject, cluster: QCluster) -> None:
    bad_job(project, "hungry.enqueue(7, 2048)")
    good_jobs_end(project)
    wait_until(lambda: attempts(project, "hungry") >= 2, "it was tried again")
    assert bad_rows(project, "hungry")[2] == "builtins.MemoryError"


def test_one_that_ends_its_process_makes_its_module_rest(project: JobsProject, cluster: QCluster) -> None:
    bad_job(project, "exiting.enqueue(7)")
    good_jobs_end(project)
    wait_until(lambda: attempts(project, "exiting") >= 4, "it was tried again")
    _, _, kind, text = bad_rows(project, "exiting")
    assert kind == "monolith.jobs.runner.WorkerDied"
    assert "code 7" in text
    # The pauses double from a quarter of a second; so many came before the last attempt.
    ((begun, took),) = project.rows(
        "SELECT jsonb_array_length(workers), extract(epoch FROM started_at - enqueued_at)::float8"
        " FROM module0.monolith_job WHERE task LIKE '%.exiting'"
    )
    assert took >= 0.25 * (2 ** (begun - 1) - 1)


def test_a_flood_keeps_to_its_share(project: JobsProject, cluster: QCluster) -> None:
    bad_job(project, "flooding.enqueue(5000)")
    wait_until(lambda: project.rows("SELECT count(*) FROM module0.effect")[0][0] > 0, "the flood runs")
    good_jobs_end(project)
    assert project.unfinished() > 500
    together = project.rows(
        "SELECT count(DISTINCT workers->>0) FROM module0.monolith_job WHERE status = 'running'"
    )
    assert together[0][0] <= 1


def test_jobs_of_one_concurrency_key_follow_each_other(project: JobsProject, cluster: QCluster) -> None:
    project.enqueue(
        "with entering('module0'), atomic():\n    [tasks('module0').alone.enqueue('same', n, pause_s=0.05) for n in range(8)]\n"
    )
    with QCluster(project, "--workers", "2", "--per-module", "2"):
        wait_until(lambda: project.unfinished() == 0, "all have ended")
    assert project.rows("SELECT count(*) FROM module0.effect WHERE step = 2") == [(8,)]
    between = (
        "SELECT count(*) FROM module0.effect b JOIN module0.effect e ON e.number = b.number AND e.step = 2 JOIN"
        " module0.effect other ON other.number <> b.number AND other.at > b.at AND other.at < e.at WHERE b.step = 1"
    )
    assert project.rows(between) == [(0,)]


def test_async_jobs_run(project: JobsProject, cluster: QCluster) -> None:
    project.enqueue("with entering('module0'):\n    tasks('module0').asynchronous.enqueue(5)\n")
    wait_until(lambda: project.rows("SELECT number FROM module0.effect") == [(5,)], "it ran")


def test_heavy_jobs_run_one_at_a_time_on_a_host(project: JobsProject, cluster: QCluster) -> None:
    project.enqueue(
        f"for name in {project.names}:\n    with entering(name), atomic():\n"
        "        [tasks(name).heavy.enqueue(n, pause_s=0.1) for n in range(3)]\n"
    )
    with QCluster(project, "--workers", "2"):
        wait_until(lambda: project.unfinished() == 0, "all have ended")
    spans = sorted(project.each("SELECT min(at), max(at) FROM {m}.effect GROUP BY number"))
    assert len(spans) == 6
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_a_module_whose_tables_are_locked_keeps_no_other_waiting(
    project: JobsProject, cluster: QCluster
) -> None:
    bad_job(project, "effect.enqueue(1)")
    with project.project.admin() as holder:
        holder.autocommit = False
        holder.execute("LOCK TABLE module0.monolith_job IN ACCESS EXCLUSIVE MODE")
        for _ in range(3):  # each worker has met the lock by then
            good_jobs_end(project, jobs=200)
            project.execute("TRUNCATE module1.effect RESTART IDENTITY")
        bad_jobs = "SELECT pg_blocking_pids(pid) FROM pg_stat_activity WHERE usename = 'module0_rw' AND wait_event_type = 'Lock'"
        wait_until(lambda: project.rows(bad_jobs), "somebody waits for the lock")
        good_jobs_end(project, jobs=200)
        holder.rollback()
    project.enqueue("with entering('module0'):\n    tasks('module0').effect.enqueue(2)\n")
    wait_until(lambda: project.unfinished() == 0, "the module is back")
