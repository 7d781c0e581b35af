"""The owner of a module is killed, stopped, slowed down, garbled or out of reach: what its callers get, and when."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from monolith.contracts.transports.breaker import FAILURES
from monolith.embedded.port import free_port
from tests.contracts import proxy as faults
from tests.contracts.processes import Caller, Owner, System, caller, owner
from tests.contracts.proxy import Proxy, proxy
from tests.contracts.toy import scenarios
from tests.served_tier import wait_until_it_answers
from tests.system.running_up import children, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

DEADLINE_S = 0.4
MOST_CALLS = 3 * FAILURES
NO_LEDGER = {"ledger": "http://127.0.0.1:1"}  # it is not asked here


@dataclass(slots=True)
class Trial:
    """A caller whose way to its owner goes through a proxy."""

    system: System
    caller: Caller
    owner: Owner
    proxy: Proxy
    running: ExitStack

    def call(self) -> str:
        """Make a query; returns the class of its end, empty for a result. Fails when that comes too late."""
        end, took = self.caller.run(scenarios.outcome, "label", {"name": "x", "count": 1}, DEADLINE_S)
        assert took < DEADLINE_S + scenarios.SLACK_S, f"{end} after {took:.2f} s"
        return end

    def call_until_the_breaker_opens(self) -> set[str]:
        """Make calls until one is not tried; returns how those before it ended."""
        ends: set[str] = set()
        for _ in range(MOST_CALLS):
            if (end := self.call()) == "BreakerOpen":
                return ends
            ends.add(end)
        raise AssertionError(f"the breaker did not open: {ends}")

    def restart(self) -> None:
        """Start the owner again where it was."""
        self.owner = self.running.enter_context(owner(self.system, "stock", self.owner.port, NO_LEDGER))
        wait_until_it_answers(self.owner.process, self.owner.port)

    def signal(self, number: int) -> None:
        """Send a signal to every process of the owner."""
        for pid in (self.owner.process.pid, *children(self.owner.process.pid)):
            os.kill(pid, number)

    def lines(self, text: str) -> list[str]:
        return [line for line in self.caller.log.read_text().splitlines() if text in line]


@pytest.fixture(scope="module")
def places(toy_system: System) -> Iterator[Trial]:
    port = free_port()
    with ExitStack() as running:
        served = running.enter_context(owner(toy_system, "stock", port, NO_LEDGER))
        wait_until_it_answers(served.process, port)
        way = running.enter_context(proxy(port))
        process = running.enter_context(caller(toy_system, ["shop"], {"stock": way.url}))
        yield Trial(toy_system, process, served, way, running)


@pytest.fixture
def trial(places: Trial) -> Trial:
    """The same processes for each test, well at its start."""
    places.proxy.heal()
    wait_until(lambda: places.call() == "", "the owner is called again")
    return places


def recovers(trial: Trial, opened: int) -> None:
    """Check that calls go through again, and that the breaker said when it opened and closed."""
    before = len(trial.lines("the breaker is closed"))
    wait_until(lambda: trial.call() == "", "the breaker closes")
    assert trial.caller.run(scenarios.gate_allows)
    assert len(trial.lines("the breaker is open")) == opened + 1
    assert len(trial.lines("the breaker is closed")) == before + 1


def test_killed_owner(trial: Trial) -> None:
    opened = len(trial.lines("the breaker is open"))
    trial.signal(signal.SIGKILL)

    assert trial.call_until_the_breaker_opens() == {"TransportFailure"}
    assert not trial.caller.run(scenarios.gate_allows)

    trial.restart()
    recovers(trial, opened)


def test_hanging_owner(trial: Trial) -> None:
    opened = len(trial.lines("the breaker is open"))
    trial.signal(signal.SIGSTOP)
    try:
        assert trial.call_until_the_breaker_opens() == {"DeadlineExceeded"}
        assert not trial.caller.run(scenarios.gate_allows)
    finally:
        trial.signal(signal.SIGCONT)
    recovers(trial, opened)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.swallowed, {"DeadlineExceeded"}),
        (faults.garbled, {"TransportFailure"}),
        (faults.garbled_bodies, {"TransportFailure"}),
        (faults.cut, {"TransportFailure"}),
    ],
    ids=["too slow", "garbled", "garbled bodies", "cut"],
)
def test_spoiled_answers(trial: Trial, fault: faults.Fault, expected: set[str]) -> None:
    opened = len(trial.lines("the breaker is open"))
    trial.proxy.fault = fault

    assert trial.call_until_the_breaker_opens() == expected
    assert not trial.caller.run(scenarios.gate_allows)

    trial.proxy.refuse()  # the connections that are stuck
    trial.proxy.heal()
    recovers(trial, opened)


def test_owner_out_of_reach(trial: Trial) -> None:
    opened = len(trial.lines("the breaker is open"))
    trial.proxy.refuse()

    assert trial.call_until_the_breaker_opens() == {"TransportFailure"}
    assert not trial.caller.run(scenarios.gate_allows)

    trial.proxy.heal()
    recovers(trial, opened)


def test_command_whose_answer_was_lost_is_repeated_with_its_key(trial: Trial) -> None:
    item = trial.caller.run(scenarios.stocked, 5)
    trial.proxy.fault = faults.cut
    assert trial.caller.run(scenarios.take, f"lost {item}", item) == "TransportFailure"
    trial.proxy.heal()

    assert trial.caller.run(scenarios.left, item) == 4  # it had happened
    assert trial.caller.run(scenarios.take, f"lost {item}", item) == ""
    assert trial.caller.run(scenarios.left, item) == 4
