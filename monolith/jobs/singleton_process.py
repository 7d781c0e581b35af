"""A singleton's work as its supervisor sees it: a process that has to end in time."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from django.conf import settings

from monolith.jobs.singleton import KILL_AFTER, STOP_AFTER, Singleton
from monolith.jobs.singleton_memory import Phase, WorkMemory, clock

logger = logging.getLogger("monolith.jobs")

WATCH_S: Final = 0.05
# It finds what this process finds, and hands nothing of that on to what it starts itself.
_BOOT: Final = (
    "import os, sys; sys.path[:] = sys.argv.pop(1).split(os.pathsep); "
    "from monolith.jobs.singleton_work import run; run(sys.argv[1:])"
)


class WorkProcess:
    """A started process of a singleton. A thread kills it when it is late in anything; see `why`."""

    def __init__(
        self,
        singleton: Singleton,
        *,
        module: str,
        fence: int,
        asked_at: float,
        on_end: Callable[[], None],
    ) -> None:
        self.singleton = singleton
        self.fence = fence
        self.started_at = clock()
        self.ended = threading.Event()
        self.why = ""  # it was told to stop, or killed
        self.killed = False
        self.is_running = False  # past its start hook
        self.is_stopping = False
        self._on_end = on_end
        self._stop_by = float("inf")
        self._memory = WorkMemory.new()
        self.renewed(asked_at)
        lifeline, self._lifeline = os.pipe()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _BOOT, os.pathsep.join(sys.path)),
                *(module, singleton.name, str(fence), str(self._memory.descriptor), str(lifeline)),
            ],
            env=os.environ | {"DJANGO_SETTINGS_MODULE": str(settings.SETTINGS_MODULE)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a group of its own: what it starts ends with it
            pass_fds=(self._memory.descriptor, lifeline),
        )
        os.close(lifeline)
        threading.Thread(target=self._watch, name=f"watch {singleton.name}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status; negative is a signal's number; None while it runs."""
        return self._process.returncode

    @property
    def ran_for_s(self) -> float:
        return clock() - self.started_at

    def renewed(self, asked_at: float) -> None:
        """Let it work on for a lease that was asked for then. Counted from there, not from the answer."""
        lease_s = self.singleton.lease_s
        self._memory.allow(stop_at=asked_at + lease_s * STOP_AFTER, kill_at=asked_at + lease_s * KILL_AFTER)

    def ask_to_stop(self, why: str, *, within_s: float = float("inf")) -> None:
        """Tell the work to stop; it is killed when it has not within its time, or `within_s` if that is shorter."""
        self._stop_by = min(self._stop_by, clock() + min(self.singleton.stop_timeout_s, within_s))
        if not self.is_stopping:
            self.is_stopping, self.why = True, why
            self._memory.ask_to_stop()

    def kill(self, why: str) -> None:
        """End the process and what it started, now."""
        if not self.ended.is_set() and not self.killed:
            self.killed, self.why = True, why
            self._kill_group()

    def close(self) -> None:
        """Let go of what it shared with the process, which has ended."""
        self._memory.close()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _watch(self) -> None:
        # Looked at, not yet reaped: until then nobody else can get this id, and what the process left is its group.
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            self._look(clock())
            self.ended.wait(WATCH_S)
        self._kill_group()
        self._process.wait()
        os.close(self._lifeline)
        self.ended.set()
        self._on_end()

    def _look(self, now: float) -> None:
        self.is_running = self._memory.phase is not Phase.STARTING
        if now >= self._memory.stop_at:
            self.ask_to_stop("its lease could not be renewed")
        if problem := self._problem(now):
            self.kill(problem)

    def _problem(self, now: float) -> str:
        """Say what the process is late in; "" when it is not."""
        single, memory = self.singleton, self._memory
        if now >= memory.kill_at:
            return "its lease could not be renewed, and its process was killed"
        if memory.phase is Phase.STARTING and now > self.started_at + single.start_timeout_s:
            return f"it did not start within {single.start_timeout_s:g} s, and its process was killed"
        if now > self._stop_by:
            return "it did not stop in time, and its process was killed"
        if memory.beat_at and now > memory.beat_at + single.lease_s * KILL_AFTER:
            return (
                "it was stopped or kept the interpreter for as long as its lease, and its process was killed"
            )
        return ""
