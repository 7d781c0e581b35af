"""How many calls to one module are under way: who waits, who is refused, who comes first."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from monolith.contracts import TooManyCalls
from monolith.contracts.transports.limits import PATIENCE_S, CallLimit

LONG_S = 10.0


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


class Held:
    """Calls that last until they are let go."""

    def __init__(self, limit: CallLimit, threads: ThreadPoolExecutor) -> None:
        self._limit = limit
        self._threads = threads
        self._ends: list[threading.Event] = []
        self.calls: list[Future[None]] = []

    def begin(self) -> None:
        began, ends = threading.Event(), threading.Event()

        def call() -> None:
            with self._limit.place("ships.get", wait_s=LONG_S):
                began.set()
                ends.wait(LONG_S)

        self._ends.append(ends)
        self.calls.append(self._threads.submit(call))
        assert began.wait(LONG_S)

    def end(self) -> None:
        for ends, call in zip(self._ends, self.calls, strict=True):
            ends.set()
            call.result()


@contextmanager
def full(limit: CallLimit, threads: ThreadPoolExecutor, places: int) -> Iterator[Held]:
    held = Held(limit, threads)
    for _ in range(places):
        held.begin()
    try:
        yield held
    finally:
        held.end()


def seconds_until_refused(limit: CallLimit, wait_s: float = LONG_S) -> float:
    began = time.monotonic()
    with (
        pytest.raises(TooManyCalls, match="2 calls to 'ships' are under way"),
        limit.place("a", wait_s=wait_s),
    ):
        pass
    return time.monotonic() - began


def make_quick_call(limit: CallLimit) -> None:
    with limit.place("ships.get", wait_s=0):
        pass


def test_no_more_than_the_limit_are_under_way(threads: ThreadPoolExecutor) -> None:
    limit = CallLimit("ships", 2)
    with full(limit, threads, 2):
        seconds_until_refused(limit)
    make_quick_call(limit)


def test_first_to_be_too_many_waits_for_a_moment_and_the_next_do_not(threads: ThreadPoolExecutor) -> None:
    limit = CallLimit("ships", 2)
    with full(limit, threads, 2):
        assert seconds_until_refused(limit) >= PATIENCE_S
        assert seconds_until_refused(limit) < PATIENCE_S


def test_nobody_waits_longer_than_its_deadline(threads: ThreadPoolExecutor) -> None:
    limit = CallLimit("ships", 2)
    with full(limit, threads, 2):
        assert seconds_until_refused(limit, wait_s=-1) < PATIENCE_S


def test_nobody_waits_while_calls_are_slow(threads: ThreadPoolExecutor) -> None:
    limit = CallLimit("ships", 2)
    with limit.place("ships.get", wait_s=0):
        time.sleep(PATIENCE_S)  # a slow call
    with full(limit, threads, 2):
        assert seconds_until_refused(limit) < PATIENCE_S


def test_a_quick_call_lets_others_wait_again(threads: ThreadPoolExecutor) -> None:
    limit = CallLimit("ships", 2)
    with full(limit, threads, 2):
        seconds_until_refused(limit)
    make_quick_call(limit)
    with full(limit, threads, 2):
        assert seconds_until_refused(limit) >= PATIENCE_S


def test_place_that_becomes_free_goes_to_who_waited_first(threads: ThreadPoolExecutor) -> None:
    """A thread that calls again and again does not overtake those that wait."""
    limit = CallLimit("ships", 1)
    ends = time.monotonic() + 1
    served = [0] * 6

    def call(number: int) -> None:
        while time.monotonic() < ends:
            with suppress(TooManyCalls), limit.place("ships.get", wait_s=LONG_S):  # on a busy machine
                served[number] += 1

    for future in [threads.submit(call, number) for number in range(6)]:
        future.result()

    assert min(served) > max(served) / 4
