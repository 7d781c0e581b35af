"""Tools under guests: many MCP clients against the private tier, one client and a route of people in the same run.

    uv run python -m tests.benchmarks.tools [--clients 50] [--seconds 60] [--rest 2.0] [--one-seconds 30]

The official client over streamable HTTP against `manage.py serve`. Each client calls a tool, rests as an agent does whose
model thinks (`--rest` seconds on average, exponentially distributed), and calls the next. Meanwhile a person's client
asks for a list of the private API five times a second. Promised: no error, the 99th percentile of the many under five
times the median of one client, the median of the people's list within 1.5 times of what it is without guests.

The clients live in ten processes: in one they would wait for each other, and not for the server. Each has called each
tool once before the time begins: the SDK loads a validator and compiles a tool's schema at the first call.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from typing import Any, Final

import httpx2
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from monolith.embedded import PostgresCluster
from tests.benchmarks.ending import clean_up_when_terminated
from tests.served_tier import ROOT, served, tier_environ
from tests.system.running_up import environment, prepared_directory

PROMISED_TAIL: Final = 5.0  # times the median of one client
PROMISED_OTHERS: Final = 1.5  # times what other routes take without guests
ROUTE: Final = "/api/hikes/walks?limit=20"
ROUTE_REST_S: Final = 0.2
PROCESSES: Final = 10  # that the clients live in
READY_S: Final = 120.0  # for all clients to be ready
CALLS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("monolith_list_modules", {}),
    ("knowledge_search_notes", {"text": "modules"}),
    ("hikes_find_walks", {}),
    ("monolith_list_dead_letters", {}),
)


@dataclass
class Seen:
    """What clients saw: how long each call took, in seconds, and which went wrong."""

    taken: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Seen") -> None:
        for name, taken in other.taken.items():
            self.taken.setdefault(name, []).extend(taken)
        self.errors.update(other.errors)

    def all(self) -> list[float]:
        return [seconds for each in self.taken.values() for seconds in each]


@contextmanager
def private_tier() -> Iterator[tuple[str, str]]:
    """Yield the address of a served private tier with the samples, and the secret of a token that may read all."""
    with prepared_directory() as directory:
        load = [sys.executable, "manage.py", "load_samples", "hikes", "knowledge"]
        subprocess.run(load, cwd=ROOT, env=environment(directory), check=True, stdout=subprocess.DEVNULL)
        cluster = PostgresCluster(directory)
        create = "tokens create benchmark --scope read:* --calls-a-minute 1000000 --units-a-day 100000000"
        made = subprocess.run(
            [sys.executable, "manage.py", *create.split()],
            cwd=ROOT,
            env=tier_environ(cluster, "private"),
            check=True,
            capture_output=True,
            text=True,
        )
        with served(cluster, "private") as serving:
            yield serving.address, made.stdout.strip()


@asynccontextmanager
async def guest(address: str, secret: str) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as client,
        streamable_http_client(f"{address}/mcp", http_client=client) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        await session.list_tools()  # as agents do first, and the client by itself before its first call
        for name, arguments in CALLS:
            await session.call_tool(name, arguments)
        yield session


async def calls(session: ClientSession, seconds: float, rest_s: float, seen: Seen) -> None:
    """Call tools in turn until the time is over; each begins somewhere else in the list."""
    until = time.perf_counter() + seconds
    turn = random.randrange(len(CALLS))
    await asyncio.sleep(random.uniform(0, rest_s))
    while time.perf_counter() < until:
        name, arguments = CALLS[turn % len(CALLS)]
        turn += 1
        started = time.perf_counter()
        try:
            answer = await session.call_tool(name, arguments)
        except Exception as error:  # noqa: BLE001 - any of them is an error of the run, and counted
            at = int(time.perf_counter() - until + seconds)
            seen.errors[f"second {at}: {type(error).__name__}: {error}"[:200]] += 1
        else:
            seen.taken.setdefault(name, []).append(time.perf_counter() - started)
            if answer.is_error:
                seen.errors[f"{name}: {getattr(answer.content[0], 'text', '')}"[:200]] += 1
        await asyncio.sleep(random.expovariate(1 / rest_s) if rest_s else 0)


def people(address: str, seconds: float) -> Seen:
    """Ask for a list of the private API, at a steady pace, from a process that no guest's work delays."""
    return asyncio.run(_people(address, seconds))


async def _people(address: str, seconds: float) -> Seen:
    seen = Seen()
    until = time.perf_counter() + seconds
    async with httpx2.AsyncClient(timeout=60) as client:
        while time.perf_counter() < until:
            started = time.perf_counter()
            response = await client.get(address + ROUTE)
            seen.taken.setdefault(ROUTE, []).append(time.perf_counter() - started)
            if response.status_code != 200:
                seen.errors[f"{ROUTE}: {response.status_code}"] += 1
            await asyncio.sleep(ROUTE_REST_S)
    return seen


_begin: Barrier  # of the processes that clients live in


def _share(begin: Barrier) -> None:
    global _begin
    _begin = begin


def guests(address: str, secret: str, clients: int, seconds: float, rest_s: float) -> Seen:
    """Let so many clients call at the same time, each with a connection of its own, once those of all are ready."""
    try:
        return asyncio.run(_guests(address, secret, clients, seconds, rest_s))
    except BaseException:
        _begin.abort()  # or the others wait for these
        raise


async def _guests(address: str, secret: str, clients: int, seconds: float, rest_s: float) -> Seen:
    seen = Seen()
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(guest(address, secret)) for _ in range(clients)]
        gc.freeze()  # or looking through what each of them keeps of the tools is measured with the calls
        await asyncio.to_thread(_begin.wait, READY_S)
        await asyncio.gather(*(calls(session, seconds, rest_s, seen) for session in sessions))
    return seen


def together(
    address: str,
    secret: str,
    clients: int,
    seconds: float,
    rest_s: float,
    on_begin: Callable[[], None] = lambda: None,
) -> Seen:
    """Return what so many clients saw; `on_begin` is called when all are ready."""
    shares = [len(range(place, clients, PROCESSES)) for place in range(min(PROCESSES, clients))]
    begin = multiprocessing.Barrier(len(shares) + 1)
    seen = Seen()
    with ProcessPoolExecutor(len(shares), initializer=_share, initargs=(begin,)) as processes:
        many = [processes.submit(guests, address, secret, share, seconds, rest_s) for share in shares]
        with suppress(BrokenBarrierError):  # whatever broke it is told below
            begin.wait(READY_S)
            on_begin()
        for share in many:
            seen.add(share.result())
    return seen


def run(address: str, secret: str, options: argparse.Namespace) -> bool:
    beside_many: list[Future[Seen]] = []
    with ProcessPoolExecutor(1) as processes:
        quiet = processes.submit(people, address, options.one_seconds).result()
        alone = together(address, secret, 1, options.one_seconds, 0.05)
        many = together(
            address,
            secret,
            options.clients,
            options.seconds,
            options.rest,
            lambda: beside_many.append(processes.submit(people, address, options.seconds)),
        )
        beside = beside_many[0].result()
    report("a route of people, no guests", quiet)
    report("one client", alone)
    report(f"{options.clients} clients, resting {options.rest:g} s", many)
    report("the route of people beside them", beside)
    tail = percentile(many.all(), 99) / statistics.median(alone.all())
    medians = statistics.median(beside.all()) / statistics.median(quiet.all())
    tails = percentile(beside.all(), 95) / percentile(quiet.all(), 95)
    errors = sum(seen.errors.total() for seen in (quiet, alone, many, beside))
    print(f"\nerrors {errors} (0 promised)")
    print(f"p99 of {options.clients} / p50 of one: {tail:.2f} ({PROMISED_TAIL:g} promised)")
    print(f"others beside / quiet: p50 {medians:.2f}, p95 {tails:.2f} ({PROMISED_OTHERS:g} promised)")
    return not errors and tail < PROMISED_TAIL and medians < PROMISED_OTHERS


def report(title: str, seen: Seen) -> None:
    print(f"\n{title}")
    for name, taken in sorted(seen.taken.items()):
        parts = (f"p{share} {percentile(taken, share) * 1000:6.1f}" for share in (50, 95, 99))
        print(f"  {name:28} {len(taken):6} calls  {'  '.join(parts)} ms")
    for text, count in seen.errors.most_common(10):
        print(f"  {count} x {text}")


def percentile(values: list[float], share: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


def main() -> None:
    os.environ.setdefault("MONOLITH_DATA_DIR", str(ROOT / "var"))  # not the one that is measured
    clean_up_when_terminated()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rest", type=float, default=2.0, help="seconds that a client rests between calls")
    parser.add_argument("--one-seconds", type=float, default=30.0, help="of each run that compares")
    options = parser.parse_args()
    with private_tier() as (address, secret):
        raise SystemExit(0 if run(address, secret, options) else 1)


if __name__ == "__main__":
    main()
