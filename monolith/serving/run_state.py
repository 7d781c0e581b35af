"""What `up` remembers on disk, so that the next one can clear up after it."""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from django.core.management.base import CommandError

from monolith.embedded.passfile import write_private
from monolith.embedded.processes import find

STOP_TIMEOUT_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class RecordedProcess:
    """A process id together with when the process began, because ids are given out again."""

    name: str
    pid: int
    began: str

    def is_alive(self) -> bool:
        return began(self.pid) == self.began

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the process and what it started, if it is still the one that was recorded."""
        if self.is_alive():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


@dataclass(slots=True)
class RunState:
    """The running or the last `up` of a data directory."""

    pid: int = 0
    owned: list[str] = field(default_factory=list)  # embedded servers that it started, and ends
    addresses: dict[str, str] = field(default_factory=dict)  # by process name
    processes: list[RecordedProcess] = field(default_factory=list)


class RunFile:
    """Where the state is kept; holding it is being the one `up` of the data directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "up.json"
        self._lock_path = directory / "up.lock"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only `up` of this directory for the block.

        Raises CommandError that says where the other one serves.
        """
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock_path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(self._taken()) from None
            yield

    def read(self) -> RunState:
        """Return what the last `up` left; an empty state when there was none or it cannot be read."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            processes = [RecordedProcess(**process) for process in found.pop("processes")]
            return RunState(**found, processes=processes)
        except (OSError, ValueError, TypeError, KeyError):
            return RunState()

    def write(self, state: RunState) -> None:
        write_private(self._path, f"{json.dumps(asdict(state), indent=2)}\n")

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def _taken(self) -> str:
        state = self.read()
        places = ", ".join(f"{name} at {address}" for name, address in state.addresses.items()) or "starting"
        return (
            f"`up` is already running for {self._path.parent} as process {state.pid} ({places}). "
            f"End it with Ctrl-C there or `kill {state.pid}`, or set MONOLITH_DATA_DIR to run another beside it."
        )


def recorded(pids: Mapping[str, int]) -> list[RecordedProcess]:
    """Return the processes that run, with when they began."""
    return [RecordedProcess(name, pid, start) for name, pid in pids.items() if (start := began(pid))]


def end_orphans(state: RunState) -> list[str]:
    """End what an `up` that is gone left running; returns the names."""
    orphans = [process for process in state.processes if process.is_alive()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in orphans:
            process.signal_group(number)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for process in orphans:
            if process.is_alive() and (found := find(process.pid)):
                found.ends_within(max(0.0, deadline - time.monotonic()))
    return [process.name for process in orphans]


def began(pid: int) -> str:
    """Return when a process began, as its system writes it; empty when there is none or it is a zombie."""
    if not Path("/proc/self/stat").exists():
        return _began_by_ps(pid)
    try:
        # proc_pid_stat(5): the name in parentheses may hold anything; state is field 3, start time field 22.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _began_by_ps(pid: int) -> str:
    listed = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return "" if listed.startswith("Z") else listed.partition(" ")[2].strip()
