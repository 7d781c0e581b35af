"""Every job of every module, run for real by the workers of a running system."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from monolith.composition import composed
from monolith.embedded import erase
from monolith.jobs.registry import tasks_of
from tests.system.running_up import PROJECT, Up, environment, wait_until

pytestmark = pytest.mark.slow

ENQUEUE = """
import django
django.setup()
from monolith.composition import composed
from monolith.jobs import steering
from monolith.jobs.registry import tasks_of
for module in composed().modules:
    for path in tasks_of(module):
        steering.run_now(path, module=module)
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("jobs")
    with Up(directory) as running:
        try:
            yield running.wait_until_ready()
        finally:
            running.stop()
            erase(directory)


def run(up: Up, *arguments: str) -> str:
    """Run Python in the private tier of the system, and return what it prints."""
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment(up.directory, DJANGO_SETTINGS_MODULE="settings.private"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def jobs(up: Up) -> list[dict[str, Any]]:
    listed = json.loads(run(up, "manage.py", "jobs", "list", "--limit", "1000", "--json"))
    found: list[dict[str, Any]] = listed["jobs"]
    return found


def test_every_job_of_every_module_ends_well(up: Up) -> None:
    wanted = {(module, path) for module in composed().modules for path in tasks_of(module)}
    assert len(wanted) > 2 * len(composed().modules)

    run(up, "-c", ENQUEUE)

    wait_until(
        lambda: not [job for job in jobs(up) if job["status"] in ("ready", "running", "blocked")],
        "every job has ended",
    )
    listed = jobs(up)
    assert [job for job in listed if job["status"] not in ("succeeded", "waiting")] == []
    assert {(job["module"], job["task"]) for job in listed if job["status"] == "succeeded"} == wanted
