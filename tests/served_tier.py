"""A tier in a process of its own."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connections

from monolith.embedded import PostgresCluster
from monolith.embedded.port import free_port
from monolith.embedded.postgres import DATABASE
from tests.environment import outer_environment

ROOT: Final = Path(__file__).resolve().parents[1]
START_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True)
class Served:
    """A running tier."""

    address: str
    port: int


def tier_environ(cluster: PostgresCluster, tier: str, **extra: str) -> dict[str, str]:
    """Return the environment of a tier's process: this test's database and the tier's own password file."""
    # On the server of this run each worker has a database of its own; on another server there is but one.
    shared = cluster.directory == PostgresCluster(Path(os.environ["MONOLITH_DATA_DIR"])).directory
    database = str(connections["default"].settings_dict["NAME"]) if shared else DATABASE
    own = {"DATABASE_URL": cluster.url(database), "PGPASSFILE": str(cluster.passfile(tier))}
    if tier == "private":
        own["MONOLITH_SECRET_KEY"] = "signs the sessions of one test"
    return outer_environment() | own | extra


def serve_command(settings: str, port: int) -> list[str]:
    return [sys.executable, "manage.py", "serve", f"--settings={settings}", "--port", str(port)]


@contextlib.contextmanager
def served(cluster: PostgresCluster, tier: str, **extra: str) -> Iterator[Served]:
    """Serve a tier until the block ends; it is stopped also when the block fails."""
    port = free_port()
    process = subprocess.Popen(
        serve_command(f"settings.{tier}", port),
        cwd=ROOT,
        env=tier_environ(cluster, tier, **extra),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_it_answers(process, port)
        yield Served(f"http://127.0.0.1:{port}", port)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force when it does not end within 15 s."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    """Ask a process until it serves; fails when it ends before, or takes a minute."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the tier ended with {process.returncode} before it answered")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.05)  # nothing announces a port that is about to open
    raise AssertionError(f"the tier did not answer within {START_TIMEOUT_S:.0f} s")
