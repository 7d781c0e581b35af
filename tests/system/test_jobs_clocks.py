"""Clusters whose clocks disagree: the database's clock decides alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.jobs_project import OURS, TICKING, JobsProject, QCluster, jobs_project, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

MODULES = 3
PER_MODULE = 60
SKEW = """
import datetime, time_machine
now = datetime.datetime.now(datetime.UTC)
time_machine.travel(now + datetime.timedelta(minutes={minutes}), tick=True).start()
"""


@pytest.fixture(scope="module")
def project() -> Iterator[JobsProject]:
    with jobs_project(MODULES, tasks=TICKING) as made:
        yield made


def skewed(project: JobsProject, directory: Path, minutes: int) -> QCluster:
    """Start a cluster whose clock is so many minutes ahead."""
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(SKEW.format(minutes=minutes), encoding="utf-8")
    path = project.project.environ["PYTHONPATH"]
    return QCluster(project, "--workers", "2", PYTHONPATH=f"{directory}:{path}")


def test_two_clusters_with_clocks_minutes_apart_run_nothing_twice(
    project: JobsProject, tmp_path: Path
) -> None:
    project.enqueue(
        f"for name in {project.names}:\n"
        "    with entering(name), atomic():\n"
        f"        for number in range({PER_MODULE}):\n"
        "            tasks(name).steps.enqueue(number, pause_s=0.02)\n"
    )
    with skewed(project, tmp_path / "ahead", 7) as ahead, skewed(project, tmp_path / "behind", -7) as behind:
        ran = f"SELECT count(*) FROM {{m}}.monolith_job WHERE task LIKE '%steps' AND finished_at IS NOT NULL AND {OURS}"
        wait_until(lambda: project.each(ran) == [(PER_MODULE,)] * MODULES, "all have run")
        ticks = "SELECT count(*) FROM module0.monolith_job WHERE schedule LIKE '%ticking' AND status = 'succeeded'"
        wait_until(lambda: project.rows(ticks)[0][0] >= 5, "the schedule has ticked")
        for cluster in (ahead, behind):
            assert cluster.stop() == 0

    attempts = f"SELECT DISTINCT status, jsonb_array_length(workers) FROM {{m}}.monolith_job WHERE task LIKE '%steps' AND {OURS}"
    assert set(project.each(attempts)) == {("succeeded", 1)}
    effects = "SELECT count(*), count(DISTINCT number) FROM {m}.effect WHERE step = 0 AND number >= 0"
    assert project.each(effects) == [(PER_MODULE, PER_MODULE)] * MODULES
    clusters = (
        "SELECT DISTINCT split_part(workers->>0, '/', 2) FROM {m}.monolith_job WHERE task LIKE '%steps'"
    )
    assert len(set(project.each(clusters))) == 2
    # One job for each second, whichever cluster fired it.
    gaps = project.each(
        "SELECT tick - lag(tick) OVER (ORDER BY tick) = INTERVAL '1 second' FROM {m}.monolith_job WHERE schedule LIKE '%ticking'"
    )
    assert {gap for (gap,) in gaps} == {True, None}
