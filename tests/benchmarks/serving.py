"""Serving: a public read through everything here, against two peers in the same run.

    uv run --group bench python tests/benchmarks/serving.py [--seconds 4] [--rounds 5]

Peers: (a) plain Django + Ninja on one connection, (b) FastAPI + SQLModel, sync. All under granian with one worker; the
two WSGI servers with one thread, so that each has one connection; (b) with its own defaults, which are more. Rounds
interleave the servers, so that a noisy machine disturbs them alike; a ratio is the median of the rounds' ratios.
Needs `wrk` for the load. `--profile` prints instead where the time of a request goes, by cProfile in one process.
"""

import argparse
import contextlib
import json
import os
import re
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
from monolith.embedded.postgres import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")
PROMISES: Final = {"plain Django + Ninja": 0.95, "FastAPI + SQLModel": 2.0}


@dataclass(frozen=True)
class Server:
    """One of the servers compared."""

    name: str
    target: str
    interface: str
    environ: tuple[tuple[str, str], ...] = ()


SERVERS: Final = (
    Server(
        "FastMonolith", "monolith.wsgi:application", "wsgi", (("DJANGO_SETTINGS_MODULE", "settings.public"),)
    ),
    Server("plain Django + Ninja", "tests.benchmarks.peers.plain_django:application", "wsgi"),
    Server("FastAPI + SQLModel", "tests.benchmarks.peers.fastapi_sqlmodel:application", "asgi"),
)


@contextlib.contextmanager
def database() -> Iterator[dict[str, str]]:
    """Yield the environment of a migrated database with the sample walks, on a server of its own."""
    directory = tempfile.mkdtemp(prefix="monolith-bench-")
    environ = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "PGPASSFILE")}
    environ |= {"MONOLITH_DATA_DIR": directory, "PYTHONPATH": str(ROOT)}
    cluster = PostgresCluster(Path(directory))
    try:
        for command in ("provision", "migrate_schemas"):
            subprocess.run(
                [sys.executable, "manage.py", command],
                cwd=ROOT,
                env=environ,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        load = "from monolith import entering\nfrom apps.hikes.sample import load\nwith entering('hikes'): load()"
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", load],
            cwd=ROOT,
            env=environ,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        yield environ | {"DATABASE_URL": cluster.url(), "PGPASSFILE": str(cluster.passfile("public"))}
    finally:
        cluster.erase()


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
    command += ["--blocking-threads", "1"] if server.interface == "wsgi" else []
    process = subprocess.Popen([*command, server.target], cwd=ROOT, env=environ | dict(server.environ))
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
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def rate(url: str, seconds: int) -> float:
    """Return the requests per second that eight kept connections get."""
    result = subprocess.run(
        ["wrk", "-t1", "-c8", f"-d{seconds}s", url], capture_output=True, text=True, check=True
    )
    found = RATE.search(result.stdout)
    if found is None or "Non-2xx" in result.stdout:
        raise SystemExit(f"no clean run of {url}:\n{result.stdout}")
    return float(found.group(1))


def compare(seconds: int, rounds: int) -> None:
    with contextlib.ExitStack() as stack:
        environ = stack.enter_context(database())
        addresses = {server.name: stack.enter_context(serving(server, environ)) for server in SERVERS}
        slug = json.load(urllib.request.urlopen(f"{addresses['FastMonolith']}/api/hikes/walks?limit=1"))[
            "items"
        ][0]["slug"]
        for title, path in {
            "list of 20": "/api/hikes/walks?limit=20",
            "detail": f"/api/hikes/walks/{slug}",
        }.items():
            same_answers(addresses, path)
            runs = [
                {name: rate(address + path, seconds) for name, address in addresses.items()}
                for _ in range(rounds)
            ]
            report(title, runs)


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
            ratios = [run["FastMonolith"] / run[name] for run in runs]
            ratio = statistics.median(ratios)
            verdict = "holds" if ratio >= PROMISES[name] else "does NOT hold"
            line += f"   ours / this = {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}); >= {PROMISES[name]} {verdict}"
        print(line)


PROFILE: Final = """
import cProfile, pstats, sys
from monolith.wsgi import application
from django.test import RequestFactory
import io
def call(path):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
               "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1", "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http"}
    body = application(environ, lambda *_: None)
    b"".join(body); body.close() if hasattr(body, "close") else None
for _ in range(200): call("/api/hikes/walks")
profile = cProfile.Profile()
profile.enable()
for _ in range(1000): call("/api/hikes/walks")
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
