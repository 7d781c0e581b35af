"""The process in which a singleton works, started by its supervisor.

It ends by itself when its lease does, whoever else is stopped, hangs or is gone: a thread looks at the time that the
supervisor allows, and for when no thread can run, a timer of the kernel's goes off then as well.
"""

import logging
import os
import select
import signal
import sys
import threading
import time
from inspect import isclass
from typing import Any, Final, NoReturn

from monolith.context import entering
from monolith.jobs.singleton import Leadership, LeaseLost, Singleton
from monolith.jobs.singleton_memory import Phase, WorkMemory, clock

logger = logging.getLogger("monolith.jobs")

ENDED: Final = 0
RAISED: Final = 1
LOST: Final = 75
WATCH_S: Final = (
    0.05  # between two looks; what is killed late by this is within the margin of the shortest lease
)


class Watch(threading.Thread):
    """Tells the work to stop, and ends the process in time."""

    def __init__(self, memory: WorkMemory, lifeline: int) -> None:
        super().__init__(name="watch", daemon=True)
        self.stopping = threading.Event()
        self._memory = memory
        self._lifeline = lifeline
        self._armed = 0.0  # when the kernel's timer goes off

    def run(self) -> None:
        while True:
            self.look()
            if self._lifeline < 0:
                time.sleep(WATCH_S)
            elif select.select([self._lifeline], [], [], WATCH_S)[0]:
                self._lifeline = -1  # at its end: the supervisor is gone, and the lease with it
                self.stopping.set()

    def look(self) -> None:
        """Do what is due."""
        now = clock()
        self._memory.beat(now)
        kill_at = self._memory.kill_at
        if now >= kill_at:
            end_now()
        if kill_at != self._armed:
            signal.setitimer(signal.ITIMER_REAL, kill_at - now)
            self._armed = kill_at
        if self._memory.is_stop_asked or now >= self._memory.stop_at:
            self.stopping.set()


def end_now() -> None:
    """Kill this process and what it started, which are one group."""
    os.killpg(0, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Work until told to stop; returns the exit code."""
    module, path, fence, memory_descriptor, lifeline = arguments
    memory = WorkMemory(int(memory_descriptor))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process without its help
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch = Watch(memory, int(lifeline))
    watch.look()
    signal.signal(signal.SIGTERM, lambda *_: watch.stopping.set())
    watch.start()
    leadership = Leadership(
        fence=int(fence), stopping=watch.stopping, is_lost=lambda: clock() >= memory.stop_at
    )
    import django

    django.setup()
    try:
        with entering(module):
            work(found(path), leadership, memory)
    except LeaseLost as error:
        logger.warning("%s ended: %s", path, error)
        return LOST
    except Exception:  # of the work itself; how it ended is this process's exit code
        logger.exception("%s raised", path)
        return RAISED
    return ENDED


def work(singleton: Singleton, leadership: Leadership, memory: WorkMemory) -> None:
    """Run a singleton's work between its hooks."""
    if not isclass(singleton.work):
        memory.enter(Phase.RUNNING)
        singleton.work(leadership)
        return
    instance: Any = singleton.work()
    if hasattr(instance, "start"):
        instance.start(leadership)
    memory.enter(Phase.RUNNING)
    try:
        instance.run(leadership)
    finally:
        memory.enter(Phase.STOPPING)
        if hasattr(instance, "stop"):
            instance.stop()


def found(path: str) -> Singleton:
    """Return the singleton of a dotted name. Raises TypeError when that is something else."""
    from django.utils.module_loading import import_string

    singleton: object = import_string(path)
    if not isinstance(singleton, Singleton):
        raise TypeError(f"{path} is no singleton")
    return singleton


def run(arguments: list[str]) -> NoReturn:
    """Be the process of a singleton's work."""
    code = main(arguments)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # a thread of the work that does not end must not keep the process
