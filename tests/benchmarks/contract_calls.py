"""What the calling process measures for `contracts.py`."""

import cProfile
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from typing import Final

import httpx2

from monolith.contracts import require
from tests.contracts.toy.promises.stock import Item, Stock

CALLS: Final = 200  # of a round, for each way


def seconds_of_each(work: Callable[[], object], times: int) -> list[float]:
    """Return how long each of `times` runs took."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken


def seconds(work: Callable[[], object], times: int) -> float:
    """Return how long one run takes, over many."""
    started = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - started) / times


def call() -> Item:
    return require(Stock).label(name="lamp", count=3)


def overhead_in_process(rounds: int) -> list[tuple[float, float]]:
    """Return the seconds of a bare call and of a contract call, for each round."""
    from tests.contracts.toy.stock.api import label

    seconds(call, 1000)
    return [
        (seconds(lambda: label(name="lamp", count=3), 20_000), seconds(call, 5_000)) for _ in range(rounds)
    ]


def calls_by_http(peer: str, rounds: int) -> list[tuple[float, float]]:
    """Return the medians of the peer's calls and of contract calls in seconds, for each round."""
    with httpx2.Client(base_url=peer, headers={"Authorization": "Bearer shared"}) as client:

        def by_hand() -> Item:
            response = client.post("/api/label", json={"name": "lamp", "count": 3})
            response.raise_for_status()
            return Item.model_validate(response.json())

        assert by_hand() == call() == Item(name="lamp", count=3)
        seconds_of_each(by_hand, CALLS)
        seconds_of_each(call, CALLS)
        return [
            (
                statistics.median(seconds_of_each(by_hand, CALLS)),
                statistics.median(seconds_of_each(call, CALLS)),
            )
            for _ in range(rounds)
        ]


def profiled() -> None:
    """Print where the time of a call goes, to this process's standard output."""
    seconds(call, CALLS)
    with cProfile.Profile() as profile:
        seconds(call, 2_000)
    pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    sys.stdout.flush()
