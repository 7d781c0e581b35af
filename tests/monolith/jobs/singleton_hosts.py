"""Supervisors of singletons in processes of their own, and what their work left."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
from django.db import connections
from psycopg.sql import SQL, Identifier

from monolith.composition import composed
from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection
from tests.monolith.jobs.singleton_works import FILE
from tests.served_tier import tier_environ

ROOT: Final = Path(__file__).resolve().parents[3]
MODULE: Final = "hikes"
TIMEOUT_S: Final = 30.0  # for anything that is waited for


@dataclass(frozen=True, slots=True)
class Step:
    """A line that the work noted."""

    at: float
    fence: int
    pid: int
    what: str


@dataclass(slots=True)
class Host:
    """A process with a supervisor."""

    process: "subprocess.Popen[str]"
    lines: "queue.Queue[str]" = field(default_factory=queue.Queue)
    seen: list[str] = field(default_factory=list)
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def wait_for(self, text: str) -> str:
        """Return the next line about a standing that has `text`."""
        ends = time.monotonic() + TIMEOUT_S
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {text!r} in {self.seen}") from None
            self.seen.append(line)
            if text in line:
                return line

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        """Stop it in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(TIMEOUT_S)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def close(self) -> None:
        self.reader.join(TIMEOUT_S)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@dataclass(frozen=True, slots=True)
class Deployment:
    """Hosts on one database."""

    admin: "psycopg.Connection[Any]"
    environ: dict[str, str]
    file: Path
    hosts: list[Host] = field(default_factory=list)

    def host(self, *singletons: Any, **environ: str) -> Host:
        """Start a supervisor of these singletons; type checkers take one that is a class for the class."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.monolith.jobs.singleton_host", *(one.name for one in singletons)],
            cwd=ROOT,
            env=self.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        made = Host(process)
        self.hosts.append(made)
        return made

    def steps(self) -> list[Step]:
        """Return what was noted, in the order in which it was."""
        if not self.file.exists():
            return []
        rows = [line.split() for line in self.file.read_text().splitlines()]
        return [Step(float(at), int(fence), int(pid), what) for at, fence, pid, what in rows]

    def what(self) -> list[str]:
        return [step.what for step in self.steps()]

    def wait_for_step(self, *, fence: int, what: str = "step") -> Step:
        """Wait until a leader with this fence, or a later one, noted something."""
        return until(
            lambda: next((s for s in self.steps() if s.fence >= fence and s.what == what), None),
            f"a {what!r} of fence {fence}",
        )

    def lease(self, singleton: Any) -> dict[str, Any]:
        """Return the lease's row, with the seconds since 1970 at which it ends."""
        table = Identifier(MODULE, "monolith_lease")
        row = self.admin.execute(
            SQL(
                "SELECT fence, holder, enabled, EXTRACT(EPOCH FROM expires_at)::float8, deployment FROM {} WHERE name = %s"
            ).format(table),
            [singleton.name],
        ).fetchone()
        assert row is not None
        return dict(zip(("fence", "holder", "enabled", "ends", "deployment"), row, strict=True))

    def execute(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL as the superuser, in the schema of the module."""
        self.admin.execute(SQL("SET search_path = {}").format(Identifier(MODULE)))
        cursor = self.admin.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def until[T](condition: Callable[[], T | None], what: str) -> T:
    """Look until there is something; nothing announces what other processes write to files and tables."""
    ends = time.monotonic() + TIMEOUT_S
    while time.monotonic() < ends:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {TIMEOUT_S:g} s: {what}")


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, reaped or not."""
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state in "ZX"
    return True


@contextmanager
def deployment(cluster: PostgresCluster, directory: Path) -> Iterator[Deployment]:
    """Make the table that works write to; afterwards no host and no work is left."""
    environ = tier_environ(cluster, "private", DJANGO_SETTINGS_MODULE="settings.private")
    file = directory / "steps"
    with admin_connection(cluster, str(connections["default"].settings_dict["NAME"])) as admin:
        made = Deployment(admin, environ | {FILE: str(file)}, file)
        made.execute(
            "CREATE TABLE singleton_write (id bigserial, at timestamptz DEFAULT clock_timestamp(), "
            "fence bigint, pid int, held bool)"
        )
        made.execute(
            f"GRANT INSERT ON singleton_write TO {composed().roles.rw(MODULE)};"
            f"GRANT USAGE ON SEQUENCE singleton_write_id_seq TO {composed().roles.rw(MODULE)}"
        )
        try:
            yield made
        finally:
            for host in made.hosts:
                with suppress(ProcessLookupError):
                    host.signal(signal.SIGKILL)
                host.process.wait()
            for pid in {step.pid for step in made.steps()}:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            for pid in {step.pid for step in made.steps()}:
                until(partial(is_gone, pid), f"the end of {pid}")
            # Only now: work that is left holds the other end of what the readers read.
            for host in made.hosts:
                host.close()
            made.execute("DROP TABLE singleton_write")
