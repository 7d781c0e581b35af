"""What the process of a singleton's work and its supervisor tell each other: a few numbers in memory of both.

No message can be late, and none is lost when one of them is stopped or killed.
"""

import enum
import mmap
import os
import tempfile
import time
from pathlib import Path
from typing import Final

# Counts on while the host sleeps, as the database's clock does; and is the same one in every process.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_SIZE: Final = 64
_STOP_AT, _KILL_AT, _STOP_ASKED, _PHASE, _BEAT_AT = range(5)


def clock() -> float:
    """Return seconds on the clock that `WorkMemory` counts by."""
    return time.clock_gettime(_CLOCK)


class Phase(enum.IntEnum):
    """How far the work's process has come."""

    STARTING = 0
    RUNNING = 1
    STOPPING = 2  # in its stop hook


class WorkMemory:
    """Memory that is shared by whoever opens the same descriptor. Each number has one writer and is written whole."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._map = mmap.mmap(descriptor, _SIZE)
        self._cells = memoryview(self._map).cast("d")

    @classmethod
    def new(cls) -> "WorkMemory":
        """Make some that no file shows."""
        descriptor, path = tempfile.mkstemp()
        Path(path).unlink()
        os.truncate(descriptor, _SIZE)
        return cls(descriptor)

    def close(self) -> None:
        """Let go of it."""
        self._cells.release()
        self._map.close()
        os.close(self.descriptor)

    # Of the supervisor:

    @property
    def stop_at(self) -> float:
        """When the work is to stop unless the lease is renewed."""
        return self._cells[_STOP_AT]

    @property
    def kill_at(self) -> float:
        """When its process ends unless the lease is renewed."""
        return self._cells[_KILL_AT]

    def allow(self, *, stop_at: float, kill_at: float) -> None:
        """Let the work go on until then."""
        self._cells[_KILL_AT] = kill_at
        self._cells[_STOP_AT] = stop_at

    @property
    def is_stop_asked(self) -> bool:
        """Whether the work is to stop."""
        return bool(self._cells[_STOP_ASKED])

    def ask_to_stop(self) -> None:
        self._cells[_STOP_ASKED] = 1

    # Of the work's process:

    @property
    def phase(self) -> Phase:
        return Phase(int(self._cells[_PHASE]))

    def enter(self, phase: Phase) -> None:
        self._cells[_PHASE] = phase

    @property
    def beat_at(self) -> float:
        """When the process last showed that its threads run; 0 before the first time."""
        return self._cells[_BEAT_AT]

    def beat(self, now: float) -> None:
        self._cells[_BEAT_AT] = now
