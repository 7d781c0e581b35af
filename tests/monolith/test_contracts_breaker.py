"""The circuit breaker: when it opens, whom it lets through, what it says."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from monolith.contracts import BreakerOpen
from monolith.contracts.transports.breaker import Breaker, State


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("ships", failures=3, pause_s=5.0, clock=clock)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.admit("ships.get")
        breaker.failed()


def is_refused(breaker: Breaker) -> bool:
    try:
        breaker.admit("ships.get")
    except BreakerOpen:
        return True
    return False


def elsewhere(step: Callable[[], object]) -> None:
    """Take a step in another thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(step).result()


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert not is_refused(breaker)
    breaker.failed()

    with pytest.raises(BreakerOpen, match="'ships' does not answer"):
        breaker.admit("ships.get")
    assert breaker.state is State.OPEN


def test_an_answer_in_between_starts_the_count_again(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker, 2)
        breaker.succeeded()

    assert breaker.state is State.CLOSED


def test_after_the_pause_one_call_is_let_through(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 4.9
    assert is_refused(breaker)
    clock.now += 0.1

    together = Barrier(8)

    def ask() -> bool:
        together.wait()
        return is_refused(breaker)

    with ThreadPoolExecutor(8) as threads:
        refused = [future.result() for future in [threads.submit(ask) for _ in range(8)]]

    assert sorted(refused) == [False] + [True] * 7
    assert breaker.state is State.HALF_OPEN


def test_probe_that_is_answered_closes_it(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    breaker.admit("ships.get")
    breaker.succeeded()

    assert breaker.state is State.CLOSED
    fail(breaker, 2)
    assert not is_refused(breaker)


def test_probe_that_fails_opens_it_for_another_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    fail(breaker)

    assert breaker.state is State.OPEN
    clock.now += 4.9
    assert is_refused(breaker)
    clock.now += 0.1
    assert not is_refused(breaker)


def test_probe_that_tells_nothing_lets_the_next_one_try(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    breaker.admit("ships.get")
    breaker.undecided()

    assert not is_refused(breaker)


def test_call_of_another_thread_does_not_end_the_probe(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    breaker.admit("ships.get")
    elsewhere(breaker.undecided)  # it set out before the breaker opened

    assert is_refused(breaker)
    assert breaker.state is State.HALF_OPEN


def test_answer_to_a_call_from_before_closes_it(breaker: Breaker) -> None:
    fail(breaker, 3)
    elsewhere(breaker.succeeded)

    assert breaker.state is State.CLOSED


def test_every_change_is_logged_once(
    breaker: Breaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "monolith.contracts")
    fail(breaker, 3)
    breaker.failed()
    assert [is_refused(breaker) for _ in range(3)] == [True] * 3
    clock.now += 5
    breaker.admit("ships.get")
    breaker.succeeded()
    breaker.succeeded()

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "calls to 'ships': 3 failed in a row, the breaker is open for 5 s"),
        ("INFO", "calls to 'ships': one is tried"),
        ("INFO", "calls to 'ships': answered again, the breaker is closed"),
    ]
