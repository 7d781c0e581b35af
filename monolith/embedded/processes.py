"""The machine's processes, as far as an embedded server needs to know them."""

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
POLL_S: Final = 0.02
# For how long a process in the middle of exec may have no command line.
EXEC_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs, with its command line in one text."""

    id: int
    command: str

    def signal(self, number: int) -> None:
        """Send a signal; a process that is gone is no error."""
        with suppress(ProcessLookupError):
            os.kill(self.id, number)

    def ends_within(self, seconds: float) -> bool:
        """Wait for the process to end, whosever child it is; says whether it did."""
        try:
            descriptor = os.pidfd_open(self.id)
        except ProcessLookupError:
            return True
        except (AttributeError, OSError):  # not Linux, or one that is too old
            return self._polled_end(seconds)
        try:
            return bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            os.close(descriptor)

    def _polled_end(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while find(self.id) is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True


def find(number: int) -> Process | None:
    """Return the process with this id; None when none runs, a zombie included."""
    if not (PROC / "self").exists():
        return next(listed_by_ps("-p", str(number)), None)
    deadline = time.monotonic() + EXEC_S
    while True:
        try:
            raw = (PROC / str(number) / "cmdline").read_bytes()
            if raw:
                command = raw.rstrip(b"\0").replace(b"\0", b" ")
                return Process(number, command.decode(errors="surrogateescape"))
            # A zombie and a thread of the kernel have no program; a process in the middle of exec has
            # one already, but no command line for a moment.
            (PROC / str(number) / "exe").readlink()
        except OSError:
            return None
        if time.monotonic() > deadline:
            return None
        time.sleep(0.001)


def running() -> Iterator[Process]:
    """Return every process that runs."""
    if not (PROC / "self").exists():
        yield from listed_by_ps("-ax")
        return
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (process := find(int(entry.name))):
            yield process


def listed_by_ps(*which: str) -> Iterator[Process]:
    """Return processes where there is no /proc (macOS)."""
    listed = subprocess.run(
        ["ps", *which, "-ww", "-o", "pid=,state=,command="], capture_output=True, text=True, check=False
    ).stdout
    for line in listed.splitlines():
        number, state, command = line.split(maxsplit=2)
        if not state.startswith("Z"):
            yield Process(int(number), command)


def takes_signals(number: int) -> bool:
    """Say whether the process table holds this id, zombies included, for a process that we may signal."""
    try:
        os.kill(number, 0)
    except OSError:
        return False
    return True
