"""Serving: a public read through everything here, against two peers in the same run.

    uv run --group bench python -m tests.benchmarks.serving [--seconds 4] [--rounds 5]

Peers: (a) plain Django + Ninja on one connection, (b) FastAPI + SQLModel, sync. All under granian with one worker. Against
(a) both sides have one thread, and so one connection; against (b) both have what they come with: four threads here
(`manage.py serve`), FastAPI's thread pool and SQLAlchemy's pool of five connections and ten more there. Rounds interleave the servers, so that a noisy machine disturbs them alike; a ratio is the median of the rounds' ratios.
Needs `wrk` for the load. `--profile` prints instead where the time of a request goes, by cProfile in one process.
"""

import argparse
import contextlib
import itertools
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monolith.embedded import PostgresCluster
from monolith.embedded.port import free_port
from monolith.profile import Profile
from monolith.serving.granian_server import DEFAULT_THREADS
from tests.system.running_up import environment, prepared_directory

ROOT: Final = Path(__file__).resolve().parents[2]
RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")
PUBLIC: Final = (("DJANGO_SETTINGS_MODULE", "settings.public"),)
PLAIN: Final = "plain Django + Ninja"
FASTAPI: Final = "FastAPI + SQLModel"
# Peer, which of ours it is compared with, and the ratio that must hold.
PROMISES: Final = {PLAIN: ("FastMonolith, 1 thread", 0.95), FASTAPI: ("FastMonolith, 4 threads", 2.0)}


# A parameter nobody knows, different in each request. Ours keeps a rendered body by its ETag, which covers the
# whole address: with every address new it builds each body, as the peers always do.
EACH_NEW: Final = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", wrk.path .. "&n=" .. n)
end
"""


@dataclass(frozen=True)
class Server:
    """One of the servers compared."""

    name: str
    target: str
    interface: str
    threads: int | None = None  # blocking threads of a WSGI server, and so connections
    environ: tuple[tuple[str, str], ...] = ()


SERVERS: Final = (
    Server("FastMonolith, 1 thread", "monolith.wsgi:application", "wsgi", threads=1, environ=PUBLIC),
    Server(PLAIN, "tests.benchmarks.peers.plain_django:application", "wsgi", threads=1),
    Server(
        "FastMonolith, 4 threads",
        "monolith.wsgi:application",
        "wsgi",
        threads=DEFAULT_THREADS[Profile.PUBLIC],
        environ=PUBLIC,
    ),
    Server(FASTAPI, "tests.benchmarks.peers.fastapi_sqlmodel:application", "asgi"),
)


@contextlib.contextmanager
def database() -> Iterator[dict[str, str]]:
    """Yield the environment of a migrated database with the sample walks, on a server of its own."""
    with prepared_directory() as directory:
        environ = environment(directory, PYTHONPATH=str(ROOT))
        load = [sys.executable, "manage.py", "load_samples", "hikes"]
        subprocess.run(load, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
        cluster = PostgresCluster(directory)
        yield environ | {"DATABASE_URL": cluster.url(), "PGPASSFILE": str(cluster.passfile("public"))}


@contextlib.contextmanager
def serving(server: Server, environ: dict[str, str]) -> Iterator[str]:
    """Yield the address of a running server."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        server.interface,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--workers", "1", "--log-level", "error", "--no-access-log"]
    command += ["--blocking-threads", str(server.threads)] if server.threads else []
    process = subprocess.Popen(
        [*command, server.target], cwd=ROOT, env=environ | dict(server.environ), start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api/hikes/walks?limit=1").close()
                break
            if process.poll() is not None:
                raise SystemExit(f"{server.name} did not start")
            time.sleep(0.05)
        yield address
    finally:
        # The whole group: granian's ASGI worker does not end with its parent while connections are kept.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def rate(url: str, seconds: int, *, each_new: bool) -> float:
    """Return the requests per second that eight kept connections get."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(EACH_NEW if each_new else "")
        script.flush()
        command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "-s", script.name, url]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = RATE.search(result.stdout)
    if found is None or "Non-2xx" in result.stdout:
        raise SystemExit(f"no clean run of {url}:\n{result.stdout}")
    return float(found.group(1))


def compare(seconds: int, rounds: int) -> None:
    with contextlib.ExitStack() as stack:
        environ = stack.enter_context(database())
        addresses = {server.name: stack.enter_context(serving(server, environ)) for server in SERVERS}
        first = json.load(urllib.request.urlopen(f"{addresses[SERVERS[0].name]}/api/hikes/walks?limit=1"))
        queries = {
            "list of 20": "/api/hikes/walks?limit=20",
            "detail": f"/api/hikes/walks/{first['items'][0]['slug']}?",
        }
        for (title, path), each_new in itertools.product(queries.items(), (True, False)):
            same_answers(addresses, path)
            runs = [
                {
                    name: rate(address + path, seconds, each_new=each_new)
                    for name, address in addresses.items()
                }
                for _ in range(rounds)
            ]
            report(f"{title}, {'every address new' if each_new else 'the same address'}", runs)


def same_answers(addresses: dict[str, str], path: str) -> None:
    """Stop unless every server gives the same names in the same order."""
    answers = {name: json.load(urllib.request.urlopen(address + path)) for name, address in addresses.items()}
    names = {
        name: [walk["name"] for walk in answer.get("items", [answer])] for name, answer in answers.items()
    }
    if len({tuple(found) for found in names.values()}) != 1:
        raise SystemExit(f"the servers do not answer alike: {names}")


def report(title: str, runs: list[dict[str, float]]) -> None:
    print(f"\n{title}")
    for name in runs[0]:
        median = statistics.median(run[name] for run in runs)
        line = f"  {name:22} {median:8.0f} requests/s"
        if name in PROMISES:
            ours, promised = PROMISES[name]
            ratios = [run[ours] / run[name] for run in runs]
            ratio = statistics.median(ratios)
            verdict = "holds" if ratio >= promised else "does NOT hold"
            line += f"   ours / this = {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}); >= {promised} {verdict}"
        print(line)


PROFILE: Final = """
import cProfile, pstats, sys
from monolith.wsgi import application
from django.test import RequestFactory
import io
def call(path, query):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "127.0.0.1",
               "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1", "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http"}
    body = application(environ, lambda *_: None)
    b"".join(body); body.close() if hasattr(body, "close") else None
for n in range(200): call("/api/hikes/walks", f"limit=20&n={n}")
profile = cProfile.Profile()
profile.enable()
for n in range(200, 1200): call("/api/hikes/walks", f"limit=20&n={n}")
profile.disable()
pstats.Stats(profile, stream=sys.stdout).sort_stats("cumtime").print_stats(75)
"""


def profile() -> None:
    with database() as environ:
        subprocess.run(
            [sys.executable, "-c", PROFILE],
            cwd=ROOT,
            env=environ | {"DJANGO_SETTINGS_MODULE": "settings.public"},
            check=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    profile() if chosen.profile else compare(chosen.seconds, chosen.rounds)
