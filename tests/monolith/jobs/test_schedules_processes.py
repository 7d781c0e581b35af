"""Schedules fired by several processes on the database's clock."""

import subprocess
import sys
from datetime import timedelta

import pytest

from monolith import entering
from monolith.embedded import PostgresCluster
from monolith.models import Job
from tests.monolith.jobs.toy import MODULE
from tests.served_tier import ROOT, tier_environ

PROCESSES = 3
SECONDS = 6
FIRE = f"""
import sys, time
from datetime import timedelta

import django
django.setup()

from monolith.jobs import CatchUp, registry, schedules, task

def tidy():
    pass

tidy.__module__ = "apps.{MODULE}.tasks"
made = task(time_limit_s=5, every=timedelta(seconds=1), catch_up=CatchUp.ALL)(tidy)
registry.tasks = lambda: {{made.module_path: made}}
print("ready", flush=True)
sys.stdin.readline()
schedules.upsert("{MODULE}")
fired, ends = 0, time.monotonic() + {SECONDS}
while time.monotonic() < ends:
    fired += schedules.fire("{MODULE}")
    time.sleep(max(0.0, schedules.seconds_to_next("{MODULE}")))  # all of them wake for the same tick
print(fired)
"""


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.usefixtures("committed_db")
def test_each_tick_has_one_job_when_processes_wake_for_it_together(cluster: PostgresCluster) -> None:
    environ = tier_environ(cluster, "private", DJANGO_SETTINGS_MODULE="settings.private")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRE],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        fired = [int(process.communicate("go\n", timeout=60)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    with entering(MODULE):
        ticks = [tick for tick in Job.objects.order_by("tick").values_list("tick", flat=True) if tick]
    assert sum(fired) == len(ticks) >= SECONDS
    assert ticks == [ticks[0] + timedelta(seconds=n) for n in range(len(ticks))]
