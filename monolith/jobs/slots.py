"""What the processes of one cluster tell each other: memory that they share.

Plain numbers without locks: a process that is killed while it holds a lock would stop all others for ever. A worker's
fields have one writer at a time. A module's counters have several: a number that is read a moment too late costs a
moment, a count that is lost one more tolerated failure.
"""

import ctypes
import fcntl
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.sharedctypes import RawArray
from typing import Any, Final

IDLE: Final = -1

HALF_OPEN_AFTER: Final = 3  # failures in a row that end a process, until which the limit stays as it is
SHORTEST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 60.0
STOP_POLL_S: Final = 0.1
TOLERATED_FAILURES: Final = 10  # jobs in a row that only raised


class SlotState(ctypes.Structure):
    """One worker process, or its successor after its end."""

    _fields_ = (
        ("generation", ctypes.c_int64),  # how many processes have had the slot
        ("module", ctypes.c_int32),  # of the job it runs or looks for; IDLE
        ("is_running", ctypes.c_int32),  # a job of it is started
        ("job", ctypes.c_int64),
        ("fence", ctypes.c_int64),
        ("lease_s", ctypes.c_double),
        ("lease_ends", ctypes.c_double),  # time.monotonic(), never later than the row's own
        ("killed_at", ctypes.c_double),  # when the time limit ends it from outside; 0: no limit runs
        ("memory_limit", ctypes.c_double),  # bytes of the whole process; 0: none
        ("is_lost", ctypes.c_int32),  # its job's lease is gone: end it
    )


class ModuleState(ctypes.Structure):
    """How one module's jobs have done lately."""

    _fields_ = (
        ("wakes", ctypes.c_int64),  # how often it was said that it has work
        ("rests_until", ctypes.c_double),  # time.monotonic()
        ("crashes", ctypes.c_int32),  # in a row: processes that died, hung or took too much memory
        ("failures", ctypes.c_int32),  # in a row: jobs that raised
    )


class Slots:
    """The shared state of one cluster. To be made before its processes are forked."""

    def __init__(self, modules: Sequence[str], workers: int, *, per_module: int) -> None:
        self.modules: Final = tuple(modules)
        self.per_module: Final = per_module  # jobs of one module at the same time
        self.workers: Any = RawArray(SlotState, workers)
        self.states: Any = RawArray(ModuleState, max(len(modules), 1))
        for slot in self.workers:
            slot.module = IDLE
        self._flags: Any = RawArray(ctypes.c_int32, 1)
        # Locks of fcntl belong to a process and are gone with it.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the cluster

    @property
    def is_stopping(self) -> bool:
        return bool(self._flags[0])

    def stop(self) -> None:
        """Ask every process to end after the job it has."""
        self._flags[0] = 1

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the cluster is to stop; returns whether it is."""
        ends = math.inf if timeout is None else time.monotonic() + timeout
        while not self.is_stopping and time.monotonic() < ends:
            time.sleep(STOP_POLL_S)
        return self.is_stopping

    # Which module a worker looks at.

    def enter(self, slot: int, module: int) -> bool:
        """Let a worker look for a job of a module; False when the module has its share or rests."""
        state = self.states[module]
        if time.monotonic() < state.rests_until:
            return False
        limit = 1 if self._is_half_open(state) else self.per_module
        with self._alone():
            others = sum(other.module == module for other in self.workers)
            if others - (self.workers[slot].module == module) >= limit:
                return False
            self.workers[slot].module = module
        return True

    def leave(self, slot: int) -> None:
        """Let go of the module a worker looked at."""
        state = self.workers[slot]
        state.is_running = 0
        state.killed_at = 0.0
        state.memory_limit = 0.0
        state.module = IDLE

    def may_go_on(self, slot: int) -> bool:
        """Say whether a worker may take another job of the module it is at."""
        state = self.states[self.workers[slot].module]
        return time.monotonic() >= state.rests_until and not self._is_half_open(state)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    # How a module does.

    def succeeded(self, module: int) -> None:
        """A job ended well: whatever was wrong with the module is over."""
        state = self.states[module]
        if state.crashes or state.failures:
            state.crashes = state.failures = 0

    def failed(self, module: int) -> None:
        """A job raised; from the TOLERATED_FAILURES-th in a row on, the module rests a little."""
        state = self.states[module]
        state.failures += 1
        self._rest(state, state.failures - TOLERATED_FAILURES)

    def crashed(self, module: int) -> None:
        """A job took its process along; the module rests, longer each time."""
        state = self.states[module]
        state.crashes += 1
        self._rest(state, state.crashes)

    def _rest(self, state: ModuleState, times: int) -> None:
        if times > 0:
            pause = min(LONGEST_PAUSE_S, SHORTEST_PAUSE_S * math.ldexp(1.0, min(times - 1, 32)))
            state.rests_until = time.monotonic() + pause

    def _is_half_open(self, state: ModuleState) -> bool:
        return bool(state.crashes >= HALF_OPEN_AFTER or state.failures >= TOLERATED_FAILURES)
