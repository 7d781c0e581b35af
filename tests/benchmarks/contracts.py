"""Contract calls: in process against the bare function, by HTTP against a client and a route written by hand.

    uv run python -m tests.benchmarks.contracts [--rounds 15]

The operation takes two arguments, returns a Schema of two fields, and touches no database: what is left is the way.
The peer by HTTP is an httpx client that keeps its connection and a Ninja route of plain Django that compares a token;
both servers are granian with one worker and four threads, both clients run in one process, in turns.
What `verify` takes is measured by `verification.py`.
`--profile` prints instead where the time of a call by HTTP goes, by cProfile in the calling process.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

import httpx2

from monolith.embedded.port import free_port
from monolith.profile import Profile
from monolith.serving.granian_server import DEFAULT_THREADS
from tests.benchmarks.contract_calls import calls_by_http, overhead_in_process, profiled
from tests.contracts.systems import placed, prepared
from tests.contracts.toy.modules import MODULES
from tests.environment import outer_environment
from tests.served_tier import ROOT, stop

IN_PROCESS_US: Final = 10.0  # promised over the bare call
HTTP_RATIO: Final = 1.3  # promised against the peer, of medians


@contextlib.contextmanager
def peer() -> Iterator[str]:
    """Serve the peer; yield its address."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    command += [
        "--blocking-threads",
        str(DEFAULT_THREADS[Profile.PRIVATE]),
        "tests.benchmarks.peers.plain_ninja:application",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=outer_environment())
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(f"{address}/api/openapi.json").status_code == 200:
                    break
            if process.poll() is not None:
                raise SystemExit("the peer did not start")
            time.sleep(0.05)
        yield address
    finally:
        stop(process)


def report(what: str, measured: float, unit: str, promised: float) -> None:
    verdict = "holds" if measured <= promised else "does NOT hold"
    print(f"{what:34} {measured:8.2f} {unit:2}   promised {promised:g}: {verdict}")


def main(rounds: int, *, profile: bool) -> None:
    with prepared(MODULES, "tests.contracts.toy") as system:
        with placed(system, "direct", calling="shop", elsewhere=[]) as here:
            bare, called = zip(*here.caller.run(overhead_in_process, rounds), strict=True)
        with (
            peer() as address,
            placed(system, "http", calling="shop", elsewhere=["stock", "ledger"]) as there,
        ):
            if profile:
                there.caller.run(profiled)
                print(there.caller.log.read_text())
                return
            found = there.caller.run(calls_by_http, address, rounds)
    print(f"bare call {min(bare) * 1e6:.2f} µs, in process {min(called) * 1e6:.2f} µs")
    report("in process, over the bare call", (min(called) - min(bare)) * 1e6, "µs", IN_PROCESS_US)
    by_hand, by_contract = (statistics.median(column) * 1e6 for column in zip(*found, strict=True))
    print(f"by hand p50 {by_hand:.0f} µs, contract call p50 {by_contract:.0f} µs")
    report(
        "by HTTP, ratio of p50", statistics.median(ours / theirs for theirs, ours in found), "", HTTP_RATIO
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    main(options.rounds, profile=options.profile)
