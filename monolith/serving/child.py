"""One child process: started with its own environment, read line by line, ended with everything it started."""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from monolith.serving.lifeline import Gate, Lifeline


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """A process to be kept running."""

    name: str  # what its lines are prefixed with
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)  # all of it, not an addition to ours
    directory: Path
    follows_lifeline: bool = True  # a program of ours: takes `--lifeline FD` and ends with us
    health_url: str = ""  # answers 200 when the process does its work
    waits_at_gate: bool = False  # takes `--gate FD`: it may be started before it may begin
    starts_after_s: float = 0.0  # so that those that people wait for come first
    stop_timeout_s: float = 10.0  # after SIGTERM, before SIGKILL

    @property
    def origin(self) -> str:
        """Return where the process answers."""
        return self.health_url.removesuffix("/healthz")


def is_healthy(spec: ProcessSpec) -> bool:
    """Say whether the process answers at its address."""
    try:
        with urllib.request.urlopen(spec.health_url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(json.load(response) == {"status": "ok"})
    except (urllib.error.URLError, OSError, ValueError):
        return False


class Child:
    """A started process of a spec. It leads a process group, so that what it starts ends with it."""

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        lifeline: Lifeline,
        gate: Gate | None = None,
        on_line: Callable[[str, str], None],
        on_exit: Callable[["Child"], None],
    ) -> None:
        self.spec = spec
        self.is_stopping = False
        self.started_at = time.monotonic()
        self.ended = threading.Event()
        self._on_line = on_line
        self._on_exit = on_exit
        passed = {"--lifeline": lifeline.reader} if spec.follows_lifeline else {}
        if gate and spec.waits_at_gate:
            passed["--gate"] = gate.reader
        options = [word for name, descriptor in passed.items() for word in (name, str(descriptor))]
        self._process = subprocess.Popen(
            [*spec.command, *options],
            cwd=spec.directory,
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C in the terminal is for us; we tell our children
            pass_fds=tuple(passed.values()),
        )
        self._reader = threading.Thread(target=self._read, name=f"read-{spec.name}", daemon=True)
        self._waiter = threading.Thread(target=self._wait, name=f"wait-{spec.name}", daemon=True)
        self._reader.start()
        self._waiter.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status; negative is a signal's number; None while it runs."""
        return self._process.returncode

    @property
    def ran_for_s(self) -> float:
        return time.monotonic() - self.started_at

    def terminate(self) -> None:
        """Ask the process to end."""
        self.is_stopping = True
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the process and everything it started, now."""
        self.is_stopping = True
        if not self.ended.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def join(self, timeout_s: float) -> bool:
        """Wait until it has ended and all it wrote was read; returns whether it has."""
        return self.ended.wait(timeout_s)

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        for line in self._process.stdout:
            self._on_line(self.spec.name, line.rstrip("\n"))

    def _wait(self) -> None:
        # Looked at, not yet reaped: until then nobody else can get this id, and what the process left is its group.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._reader.join()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self.ended.set()
        self._on_exit(self)
