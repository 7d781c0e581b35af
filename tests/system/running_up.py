"""`manage.py up` as a process of a test: started on free ports, read, and always ended."""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from monolith.embedded import NatsServer, PostgresCluster, erase
from monolith.embedded.port import free_port
from monolith.serving.run_state import RunFile, began

PROJECT: Final = Path(__file__).resolve().parents[2]
TIMEOUT_S: Final = 90.0
STOP_TIMEOUT_S: Final = 45.0


def environment(directory: Path, **more: str) -> dict[str, str]:
    """Return the environment of an empty machine, with its data in `directory`."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ
    }
    return kept | {"MONOLITH_DATA_DIR": str(directory)} | more


@contextmanager
def prepared_directory() -> Iterator[Path]:
    """Give a block a data directory with a server of its own, provisioned and migrated.

    The run's own server will not do: the database there is the template that other workers copy.
    """
    place = Path(tempfile.mkdtemp(prefix="monolith-prepared-"))
    try:
        subprocess.run(
            [sys.executable, "manage.py", "prepare", "--no-samples"],
            cwd=PROJECT,
            env=environment(place),
            stdout=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=True,
        )
        yield place
    finally:
        erase(place)
        shutil.rmtree(place)


class Up:
    """A running `up`."""

    def __init__(self, directory: Path, *options: str, project: Path = PROJECT, **more: str) -> None:
        self.directory = directory
        self.ports = {"public": free_port(), "private": free_port()}
        ports = [f"--{tier}-port={port}" for tier, port in self.ports.items()]
        self.process = subprocess.Popen(
            [sys.executable, str(project / "manage.py"), "up", *ports, *options],
            cwd=project,
            env=environment(directory, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Up":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(STOP_TIMEOUT_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def cluster(self) -> PostgresCluster:
        return PostgresCluster(self.directory)

    @property
    def broker(self) -> NatsServer:
        return NatsServer(self.directory)

    @property
    def pids(self) -> dict[str, int]:
        """The servers' process ids by tier."""
        return {process.name: process.pid for process in RunFile(self.directory).read().processes}

    def wait_for_line(self, pattern: str, *, after: int = 0) -> str:
        """Wait until a line matches `pattern`, from the line `after` on; returns it."""
        deadline = time.monotonic() + TIMEOUT_S
        for line in self.lines[after:]:
            if re.search(pattern, line):
                return line
        while time.monotonic() < deadline:
            new = self._queue.get(timeout=max(0.1, deadline - time.monotonic()))
            assert new is not None, f"up ended before a line matched {pattern!r}:\n{self.output}"
            self.lines.append(new)
            if re.search(pattern, new):
                return new
        raise AssertionError(f"no line matched {pattern!r}:\n{self.output}")

    def wait_until_ready(self) -> "Up":
        """Wait until it says that it is up, and its jobs run, which come a moment later."""
        self.wait_for_line(r"^Admin login")
        self.wait_for_line(r"^jobs +\| Running the jobs", after=0)
        return self

    def stop(self) -> int:
        """End it as Ctrl-C does; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(STOP_TIMEOUT_S)
        self._reader.join(STOP_TIMEOUT_S)
        while (line := self._queue.get()) is not None:
            self.lines.append(line)
        return code

    def read(self, tier: str, path: str) -> Any:
        """Return the JSON document at a path."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[tier]}{path}", timeout=10) as response:
            return json.load(response)

    def wait_until_answers(self, tier: str, path: str = "/readyz") -> Any:
        """Ask until the answer is 200, as a load balancer would; returns the document."""
        return wait_until(lambda: self._read_or_none(tier, path), f"{tier}{path} answers")

    def write_summary(self, text: str) -> None:
        """Commit a change to one row as the module's own role."""
        with psycopg.connect(
            self.cluster.url(), user="hikes_rw", passfile=str(self.cluster.passfile("private"))
        ) as connection:
            connection.execute("UPDATE hikes_walk SET summary = %s WHERE slug = 'tryfan'", [text])

    def read_summary(self, tier: str = "public") -> str:
        """Return what the tier shows of that row."""
        return str(self.wait_until_answers(tier, "/api/hikes/walks/tryfan")["summary"])

    def _read_or_none(self, tier: str, path: str) -> Any:
        try:
            return self.read(tier, path)
        except (urllib.error.URLError, OSError):
            return None

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)


def wait_until[T](condition: Callable[[], T], what: str) -> T:
    """Ask until the answer is true; there is no event for what another program does."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {TIMEOUT_S:g} s: {what}"
        time.sleep(0.05)
    return found


def wait_until_gone(pids: dict[str, int]) -> None:
    """Wait until none of the processes is left."""
    wait_until(lambda: not any(began(pid) for pid in pids.values()), f"{pids} are gone")


def children(pid: int) -> list[int]:
    """Return the ids of the processes that `pid` started."""
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == pid
    ]


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
