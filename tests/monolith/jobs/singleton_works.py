"""Singletons of the module hikes for tests. They note each step in a file: when, with which fence, in which process."""

import ctypes
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.db import DatabaseError, InterfaceError

from monolith import atomic, connection
from monolith.jobs.singleton import Leadership, LeaseLost, singleton

FILE: Final = "SINGLETON_TEST_FILE"
STEP_S: Final = 0.01
LEASE_S: Final = 1.5
WRITE: Final = """
INSERT INTO singleton_write (fence, pid, held)
SELECT %(fence)s, %(pid)s, EXISTS (
    SELECT FROM monolith_lease
    WHERE name = %(name)s AND fence = %(fence)s AND expires_at > clock_timestamp()
)
"""


def note(leadership: Leadership, what: str = "step") -> None:
    """Add a line to the file; a line this short is written whole."""
    with Path(os.environ[FILE]).open("a") as file:
        file.write(f"{time.time():.4f} {leadership.fence} {os.getpid()} {what}\n")


@singleton(lease_s=LEASE_S)
def steady(leadership: Leadership) -> None:
    """Write to the file and the database until told to stop."""
    while not leadership.stopping.wait(STEP_S):
        with suppress(LeaseLost):
            leadership.require()
            note(leadership)
            with suppress(DatabaseError, InterfaceError), atomic(), connection().cursor() as cursor:
                cursor.execute(WRITE, {"fence": leadership.fence, "pid": os.getpid(), "name": steady.name})


@singleton(lease_s=LEASE_S)
def offline(leadership: Leadership) -> None:
    """Write to the file without end, also when told to stop."""
    while True:
        note(leadership)
        time.sleep(STEP_S)


@singleton(lease_s=60)
def patient(leadership: Leadership) -> None:
    """Write to the file until told to stop, with a lease that a test does not wait for."""
    while not leadership.stopping.wait(STEP_S):
        note(leadership)


@singleton(lease_s=LEASE_S)
def stuck(leadership: Leadership) -> None:
    """Keep the interpreter for itself, in C."""
    note(leadership)
    ctypes.PyDLL(None).sleep(60)


@singleton(lease_s=LEASE_S)
class Hooked:
    """Notes what it is asked to do."""

    def start(self, leadership: Leadership) -> None:
        self.leadership = leadership
        note(leadership, "start")

    def run(self, leadership: Leadership) -> None:
        note(leadership, "run")
        leadership.stopping.wait()

    def stop(self) -> None:
        note(self.leadership, "stop")


@singleton(lease_s=LEASE_S, start_timeout_s=4)
class SlowToStart:
    """Never gets past its start hook."""

    def start(self, leadership: Leadership) -> None:
        note(leadership, "start")
        while True:
            time.sleep(STEP_S)

    def run(self, leadership: Leadership) -> None:
        note(leadership, "run")


@singleton(lease_s=LEASE_S, stop_timeout_s=0.5)
class SlowToStop:
    """Never gets past its stop hook."""

    def run(self, leadership: Leadership) -> None:
        self.leadership = leadership
        note(leadership, "run")
        leadership.stopping.wait()

    def stop(self) -> None:
        note(self.leadership, "stop")
        while True:
            time.sleep(STEP_S)


@singleton(lease_s=LEASE_S)
def failing(leadership: Leadership) -> None:
    """Raise at once."""
    note(leadership)
    raise RuntimeError("as it always does")


@singleton(lease_s=LEASE_S)
def spreading(leadership: Leadership) -> None:
    """Work in a process of its own making."""
    if os.fork() == 0:
        while True:
            note(leadership, "child")
            time.sleep(STEP_S)
    note(leadership)
    leadership.stopping.wait()


def _nothing_to_read() -> str:
    return "there is no feed"


@singleton(lease_s=LEASE_S, declines=_nothing_to_read)
def unconfigured(leadership: Leadership) -> None:
    """Never run."""
    note(leadership)
