"""Keeping a set of processes running until told to stop."""

import queue
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

from monolith.serving.back_off import BackOff
from monolith.serving.child import Child, ProcessSpec
from monolith.serving.exit_codes import PORT_TAKEN, REFUSED, STOPPED
from monolith.serving.lifeline import Gate, Lifeline

FINAL_CODES: Final = frozenset({REFUSED, PORT_TAKEN})  # starting the same again gives the same
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OWN_NAME: Final = "up"  # whose lines the supervisor's own are
KILL_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Exited:
    child: Child


@dataclass(frozen=True, slots=True)
class _Stop:
    code: int


@dataclass(frozen=True, slots=True)
class _Restart:
    reason: str


type _Event = _Exited | _Stop | _Restart


class Supervisor:
    """Starts processes, starts crashed ones again with back-off, ends all of them together.

    `on_line` gets every line of every process with the process's name; `on_change` gets the process ids by name
    whenever they change. Both are called from several threads.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        *,
        on_line: Callable[[str, str], None],
        on_change: Callable[[Mapping[str, int]], None],
        final_codes: frozenset[int] = FINAL_CODES,
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._on_line = on_line
        self._on_change = on_change
        self._final_codes = final_codes
        self._lifeline = Lifeline()
        self._gate = Gate()
        self._ahead: list[str] = []  # started before their time
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._children: dict[str, Child] = {}
        self._back_offs = {name: BackOff() for name in self._specs}
        self._due: dict[
            str, float
        ] = {}  # when a process starts, or a crashed one again, on the monotonic clock
        self._signals = 0

    @property
    def pids(self) -> dict[str, int]:
        """The ids of the processes that run, by name."""
        return {name: child.pid for name, child in self._children.items() if not child.ended.is_set()}

    def start_ahead(self) -> None:
        """Start the processes that wait at the gate: they load, and begin with `start`."""
        self._ahead = [name for name, spec in self._specs.items() if spec.waits_at_gate]
        for name in self._ahead:
            self._start(name)

    def start(self) -> None:
        """Start every process that was not started ahead, those that have time later, and open the gate."""
        self._gate.open()
        ahead, self._ahead = self._ahead, []  # one that has crashed meanwhile is among the events
        for name, spec in self._specs.items():
            if name in ahead:
                continue
            if spec.starts_after_s:
                self._due[name] = time.monotonic() + spec.starts_after_s
            else:
                self._start(name)

    def run(self) -> int:
        """Keep the processes running until told to stop; returns the exit code. Ends none of them."""
        while True:
            match self._next():
                case None:
                    self._start_due()
                case _Stop(code):
                    return code
                case _Restart(reason):
                    self._restart_all(reason)
                case _Exited(child):
                    if not child.is_stopping and self._crashed(child):
                        return child.returncode or REFUSED

    def request_stop(self, code: int = STOPPED) -> None:
        """Make `run` return; safe from any thread and from a signal handler."""
        self._events.put(_Stop(code))

    def request_restart(self, reason: str) -> None:
        """End every process in order and start it again; safe from any thread."""
        self._events.put(_Restart(reason))

    def stop(self) -> None:
        """End every process: first in order, each within its time, then what is left at once."""
        self._due.clear()
        children = [child for child in self._children.values() if not child.ended.is_set()]
        for child in children:
            child.terminate()
        deadline = time.monotonic() + max((child.spec.stop_timeout_s for child in children), default=0)
        for child in children:
            if not child.join(max(0.0, deadline - time.monotonic())):
                self._say(f"{child.spec.name} did not end within {child.spec.stop_timeout_s:g} s; killing it")
                child.kill()
                child.join(KILL_TIMEOUT_S)
        self._on_change(self.pids)

    def close(self) -> None:
        """Kill what still runs and let go of the lifeline."""
        self.kill()
        for child in self._children.values():
            child.join(KILL_TIMEOUT_S)
        self._gate.close()
        self._lifeline.cut()

    def kill(self) -> None:
        """End every process now; safe from a signal handler."""
        for child in self._children.values():
            child.kill()

    @contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Within the block the first SIGINT, SIGTERM or SIGHUP makes `run` return, and the next one kills."""

        def handle(_number: int, _frame: FrameType | None) -> None:
            self._signals += 1
            if self._signals == 1:
                self.request_stop()
            else:
                self.kill()

        before = {number: signal.signal(number, handle) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _next(self) -> _Event | None:
        """Return what happened next; None when a process is due to start."""
        if not self._due:
            return self._events.get()
        try:
            return self._events.get(timeout=max(0.0, min(self._due.values()) - time.monotonic()))
        except queue.Empty:
            return None

    def _start(self, name: str) -> None:
        self._children[name] = Child(
            self._specs[name],
            lifeline=self._lifeline,
            gate=self._gate,
            on_line=self._on_line,
            on_exit=lambda child: self._events.put(_Exited(child)),
        )
        self._on_change(self.pids)

    def _start_due(self) -> None:
        now = time.monotonic()
        for name in [name for name, when in self._due.items() if when <= now]:
            del self._due[name]
            self._start(name)

    def _crashed(self, child: Child) -> bool:
        """Plan the next start of a crashed process; returns whether there is no point in it."""
        name = child.spec.name
        self._on_change(self.pids)
        if child.returncode in self._final_codes:
            self._say(f"{name} refused to start (exit code {child.returncode}); ending")
            return True
        delay = self._back_offs[name].delay_s(ran_for_s=child.ran_for_s)
        self._due[name] = time.monotonic() + delay
        self._say(f"{name} ended with {_described(child.returncode)}; starting it again in {delay:g} s")
        return False

    def _restart_all(self, reason: str) -> None:
        self._say(f"{reason}; restarting {', '.join(self._specs)}")
        self.stop()
        self._back_offs = {name: BackOff() for name in self._specs}
        self.start()

    def _say(self, text: str) -> None:
        self._on_line(OWN_NAME, text)


def _described(returncode: int | None) -> str:
    if returncode is None or returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
