"""Singletons: one process of a deployment works at a time, whichever of them is killed, stopped, stuck or cut off."""

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from monolith.embedded import PostgresCluster
from tests.contracts.proxy import proxy, swallowed
from tests.monolith.jobs import singleton_works as works
from tests.monolith.jobs.singleton_hosts import Deployment, Step, deployment, is_gone, until

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.usefixtures("committed_db")]


@pytest.fixture
def system(cluster: PostgresCluster, committed_db: None, tmp_path: Path) -> Iterator[Deployment]:
    with deployment(cluster, tmp_path) as made:
        yield made


def assert_one_at_a_time(system: Deployment) -> None:
    """Fail when a leader did anything after the next one had begun to, or without its lease."""
    assert all(earlier.fence <= later.fence for earlier, later in pairwise(system.steps()))
    rows = system.execute("SELECT fence, held FROM singleton_write ORDER BY id")
    assert all(held for _, held in rows)
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(rows))


def last(system: Deployment, *, fence: int) -> Step:
    """Return the last step that a leader took."""
    return [step for step in system.steps() if step.fence == fence][-1]


def test_of_two_one_leads_and_the_other_takes_over_when_it_stops(system: Deployment) -> None:
    first = system.host(works.steady)
    step = system.wait_for_step(fence=1)
    second = system.host(works.steady)
    assert system.lease(works.steady)["holder"] in second.wait_for("following")

    first.stop()
    assert is_gone(step.pid)
    took_over = system.wait_for_step(fence=2)
    assert took_over.pid != step.pid
    second.stop()
    assert_one_at_a_time(system)
    lease = system.lease(works.steady)
    assert (lease["fence"], lease["holder"], lease["deployment"]) == (2, "", "main")


def test_the_other_takes_over_after_the_lease_when_the_leader_is_killed(system: Deployment) -> None:
    first = system.host(works.steady)
    step = system.wait_for_step(fence=1)
    second = system.host(works.steady)
    second.wait_for("following")

    first.signal(signal.SIGKILL)
    ends = system.lease(works.steady)["ends"]
    took_over = system.wait_for_step(fence=2)
    assert is_gone(step.pid)
    assert last(system, fence=1).at < ends < took_over.at
    assert_one_at_a_time(system)


def test_the_work_stops_at_once_when_its_supervisor_is_gone(system: Deployment) -> None:
    host = system.host(works.patient)
    step = system.wait_for_step(fence=1)
    host.signal(signal.SIGKILL)
    until(lambda: is_gone(step.pid), "the end of the work")  # long before its lease ends


def test_the_work_stops_before_the_lease_when_its_supervisor_is_stopped(system: Deployment) -> None:
    first = system.host(works.offline)
    system.wait_for_step(fence=1)
    second = system.host(works.offline)
    second.wait_for("following")

    first.signal(signal.SIGSTOP)
    ends = system.lease(works.offline)["ends"]
    system.wait_for_step(fence=2)
    assert last(system, fence=1).at < ends
    first.signal(signal.SIGCONT)
    first.wait_for("following")
    assert_one_at_a_time(system)


def test_a_kernel_timer_ends_work_that_lets_no_thread_run_under_a_stopped_supervisor(
    system: Deployment,
) -> None:
    first = system.host(works.stuck)
    step = system.wait_for_step(fence=1)
    first.signal(signal.SIGSTOP)
    ends = system.lease(works.stuck)["ends"]
    until(lambda: is_gone(step.pid), "the end of the work")
    assert time.time() < ends


def test_work_that_keeps_the_interpreter_keeps_neither_itself_nor_the_lease(system: Deployment) -> None:
    host = system.host(works.stuck)
    step = system.wait_for_step(fence=1)
    host.wait_for("resting")
    assert is_gone(step.pid)
    assert system.wait_for_step(fence=2).pid != step.pid


def test_stopped_work_loses_the_lease(system: Deployment) -> None:
    host = system.host(works.offline)
    step = system.wait_for_step(fence=1)
    os.kill(step.pid, signal.SIGSTOP)
    assert "stopped or kept the interpreter" in host.wait_for("resting")
    system.wait_for_step(fence=2)
    assert is_gone(step.pid)


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_the_work_stops_before_the_lease_when_the_database_is_out_of_reach(
    system: Deployment, cluster: PostgresCluster, how: str
) -> None:
    with proxy(cluster.port) as way:
        address = urlsplit(system.environ["DATABASE_URL"])
        url = address._replace(netloc=urlsplit(way.url).netloc).geturl()
        cut_off = system.host(works.offline, DATABASE_URL=url)
        step = system.wait_for_step(fence=1)
        other = system.host(works.offline)
        other.wait_for("following")
        if how == "refused":
            way.refuse()
        else:
            way.fault = swallowed
        ends = system.lease(works.offline)["ends"]
        system.wait_for_step(fence=2)
        assert is_gone(step.pid)
        assert last(system, fence=1).at < ends
        if how == "refused":
            cut_off.wait_for("unreachable")
            way.heal()
            cut_off.wait_for("following")
        assert_one_at_a_time(system)


def test_the_kill_switch_stops_it_within_a_renewal_and_lets_nobody_lead(system: Deployment) -> None:
    host = system.host(works.Hooked)
    step = system.wait_for_step(fence=1, what="run")
    system.execute("UPDATE monolith_lease SET enabled = FALSE")
    assert "it was switched off" in host.wait_for("resting")
    assert is_gone(step.pid)
    host.wait_for("switched off")
    assert system.what() == ["start", "run", "stop"]

    system.execute("UPDATE monolith_lease SET enabled = TRUE")
    system.wait_for_step(fence=2, what="run")


def test_a_start_hook_that_takes_too_long_is_ended(system: Deployment) -> None:
    host = system.host(works.SlowToStart)
    step = system.wait_for_step(fence=1, what="start")
    assert "did not start within 4 s" in host.wait_for("resting")
    assert is_gone(step.pid)
    assert "run" not in system.what()


def test_a_stop_hook_that_takes_too_long_is_ended_and_the_lease_let_go(system: Deployment) -> None:
    host = system.host(works.SlowToStop)
    step = system.wait_for_step(fence=1, what="run")
    host.stop()
    assert is_gone(step.pid)
    assert system.what() == ["run", "stop"]
    assert system.lease(works.SlowToStop)["holder"] == ""


def test_work_that_raises_is_started_again_with_pauses_that_grow(system: Deployment) -> None:
    system.host(works.failing)
    system.wait_for_step(fence=3)
    starts = [step.at for step in system.steps()]
    assert starts[1] - starts[0] > 0.5
    assert starts[2] - starts[1] > 1.0


def test_what_the_work_started_ends_with_it(system: Deployment) -> None:
    host = system.host(works.spreading)
    child = system.wait_for_step(fence=1, what="child")
    host.stop()
    until(lambda: is_gone(child.pid), "the end of what the work started")


def test_what_cannot_run_here_says_so_and_takes_no_lease(system: Deployment) -> None:
    host = system.host(works.unconfigured)
    assert "there is no feed" in host.wait_for("declined")
    host.stop()
    assert system.steps() == []
    assert system.execute("SELECT FROM monolith_lease") == []


def test_another_deployment_has_its_own_leader(system: Deployment) -> None:
    system.host(works.offline)
    system.host(works.offline, MONOLITH_DEPLOYMENT="copy")
    until(lambda: len({step.pid for step in system.steps()}) == 2, "two at work")
    assert sorted(row[0] for row in system.execute("SELECT deployment FROM monolith_lease")) == [
        "copy",
        "main",
    ]
