"""What a module's calls to an owner in trouble do to the other modules of its process.

    uv run python -m tests.benchmarks.contracts_chaos [--seconds 15] [--rounds 3]

One process with four threads serves shop, whose route asks stock in another process, and ledger, which asks nobody. Four
clients keep asking shop, as fast as they are answered but for a pause; ledger is asked at a steady rate, and its latency is
counted from when a request was due, so that a server that stops is not let off. Each fault of stock has its own rounds, a
quiet one between any two; compared are the p99 of ledger over all quiet rounds and over the fault's.
"""

import argparse
import http.client
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from monolith.embedded.port import free_port
from tests.contracts import proxy as faults
from tests.contracts.processes import owner
from tests.contracts.proxy import Proxy, proxy
from tests.contracts.systems import prepared
from tests.contracts.toy.modules import MODULES
from tests.served_tier import wait_until_it_answers

PROMISED: Final = 1.2  # of the quiet p99
RATE: Final = 100  # requests a second to ledger
SHOPPERS: Final = 4
PAUSE_S: Final = 0.02  # between two requests of a shopper
LEDGERS: Final = 4  # connections that take turns

FAULTS: Final[dict[str, Callable[[Proxy], None]]] = {
    "out of reach": lambda way: way.refuse(),
    "hangs": lambda way: setattr(way, "fault", faults.swallowed),
    "slow (0.5 s)": lambda way: setattr(way, "fault", faults.delayed(0.5)),
    "garbled": lambda way: setattr(way, "fault", faults.garbled),
}


@dataclass(slots=True)
class Round:
    """What one round saw."""

    latencies: list[float] = field(default_factory=list)  # of ledger, seconds
    shop: Counter[int] = field(default_factory=Counter)  # statuses


@contextmanager
def shoppers(port: int, seen: Counter[int]) -> Iterator[None]:
    """Keep asking shop until the block ends."""
    ended = threading.Event()

    def shop() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not ended.wait(PAUSE_S):
            connection.request("GET", "/api/shop/label?name=lamp")
            response = connection.getresponse()
            response.read()
            seen[response.status] += 1
        connection.close()

    threads = [threading.Thread(target=shop) for _ in range(SHOPPERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def ask_ledger(port: int, seconds: float) -> list[float]:
    """Ask ledger at a steady rate; returns the latencies from when each request was due."""
    started = time.perf_counter() + 0.1
    latencies: list[float] = []

    def ask(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in range(first, int(RATE * seconds), LEDGERS):
            due = started + number / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("GET", "/api/ledger/whoami")
            connection.getresponse().read()
            latencies.append(time.perf_counter() - due)
        connection.close()

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(LEDGERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latencies


def measure(port: int, seconds: float) -> Round:
    found = Round()
    with shoppers(port, found.shop):
        found.latencies = ask_ledger(port, seconds)
    return found


def heal(way: Proxy, port: int) -> None:
    """Mend the way to stock and wait until shop is answered again."""
    way.refuse()
    way.heal()
    statuses: Counter[int] = Counter()
    for _ in range(60):
        with shoppers(port, statuses):
            time.sleep(0.5)
        if statuses[200]:
            return
    raise SystemExit(f"shop does not recover: {statuses}")


def p(latencies: list[float], percent: int) -> float:
    return statistics.quantiles(latencies, n=100)[percent - 1] * 1e3


def report(name: str, rounds: list[Round], quiet: list[float]) -> None:
    latencies = [latency for one in rounds for latency in one.latencies]
    statuses = sum((one.shop for one in rounds), Counter[int]())
    ratio = p(latencies, 99) / p(quiet, 99)
    verdict = "" if name == "quiet" else f"{ratio:5.2f} x {'holds' if ratio <= PROMISED else 'does NOT hold'}"
    print(
        f"{name:14} p50 {p(latencies, 50):6.1f} ms  p99 {p(latencies, 99):6.1f} ms  shop {dict(statuses)}  {verdict}"
    )


def main(seconds: float, rounds: int) -> None:
    found: dict[str, list[Round]] = {"quiet": [], **{name: [] for name in FAULTS}}
    with prepared(MODULES, "tests.contracts.toy") as system, ExitStack() as running:
        ports = {name: free_port() for name in ("stock", "shop")}
        way = running.enter_context(proxy(ports["stock"]))
        remotes = {"stock": way.url}
        stock = running.enter_context(
            owner(system, "stock", ports["stock"], {"ledger": "http://127.0.0.1:1"})
        )
        shop = running.enter_context(owner(system, "shop", ports["shop"], remotes, "ledger"))
        for process in (stock, shop):
            wait_until_it_answers(process.process, process.port)
        heal(way, shop.port)
        for _ in range(rounds):
            for name, fault in FAULTS.items():
                found["quiet"].append(measure(shop.port, seconds))
                fault(way)
                found[name].append(measure(shop.port, seconds))
                heal(way, shop.port)
    quiet = [latency for one in found["quiet"] for latency in one.latencies]
    for name, seen in found.items():
        report(name, seen, quiet)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    main(options.seconds, options.rounds)
