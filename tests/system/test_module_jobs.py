"""Every job of every module, run for real by the workers of a running system."""

import json
import subprocess
import sys
from collections.abc import Iterator
from inspect import signature
from typing import Any

import pytest

from monolith.composition import composed
from monolith.embedded import erase
from monolith.events.gate import forget_decisions
from monolith.events.subscriber import Subscriber
from monolith.jobs.registry import tasks_of
from tests.system.running_up import PROJECT, Up, environment, wait_until

pytestmark = pytest.mark.slow

ENQUEUE = """
import django
django.setup()
from monolith.composition import composed
from monolith.jobs import steering
from tests.system.test_module_jobs import tasks_without_messages
for module in composed().modules:
    for path in tasks_without_messages(module):
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


def tasks_without_messages(module: str) -> list[str]:
    """Return the tasks of a module that run by themselves: no message starts them, and they take no argument."""
    return [
        path
        for path, task in tasks_of(module).items()
        if not isinstance(task, Subscriber)
        and path != forget_decisions.module_path
        and all(each.default is not each.empty for each in signature(task.func).parameters.values())
    ]


def test_every_job_of_every_module_ends_well(up: Up) -> None:
    wanted = {(module, path) for module in composed().modules for path in tasks_without_messages(module)}
    assert len(wanted) > 2 * len(composed().modules)

    run(up, "-c", ENQUEUE)

    listed: list[dict[str, Any]] = []

    def all_ended() -> bool:
        listed[:] = jobs(up)
        return not any(job["status"] in ("ready", "running", "blocked") for job in listed)

    wait_until(all_ended, "every job has ended")
    assert [job for job in listed if job["status"] not in ("succeeded", "waiting")] == []
    assert {(job["module"], job["task"]) for job in listed if job["status"] == "succeeded"} >= wanted
