"""django-q2's cluster over the modules' tables: `manage.py qcluster`.

django-q2 hands tasks to its workers, and results back, through queues of `multiprocessing`. Their locks stay locked
when a process that holds one is killed, which an idle worker always does; then the cluster stands still. Here each
worker claims its jobs itself, so the sentinel has processes to look after and nothing to hand on (ADR 0007).
"""

import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any, Final

from django.db import connections
from django_q.cluster import Cluster, Sentinel

from monolith.composition import composed
from monolith.context import entering
from monolith.contracts.message_registry import message_types
from monolith.events.couriers import consume, relay
from monolith.jobs import records
from monolith.jobs.keeper import keep
from monolith.jobs.memory import resident_bytes
from monolith.jobs.singletons import DEFAULT_GRACE_S, run_singletons, singletons
from monolith.jobs.slots import Slots
from monolith.jobs.solitude import Solitude
from monolith.jobs.worker import Place, is_orphan, work
from monolith.transactions import atomic

logger = logging.getLogger("monolith.jobs")
context = multiprocessing.get_context("fork")

GUARD_CYCLE_S: Final = 0.1
LEASE_GRACE_S: Final = 1.0  # before a lease ends its process is killed
HELPER_PAUSE_S: Final = 1.0  # between two starts of the same helper
PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def default_workers() -> int:
    """Return one worker per core, two at least: one that waits must not keep all others waiting."""
    return max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """What one cluster may use."""

    workers: int = field(default_factory=default_workers)  # processes
    per_module: int = 0  # jobs of one module at the same time; 0 means half of the workers, at least one
    grace_s: float = DEFAULT_GRACE_S  # for running jobs to end when the cluster stops

    @property
    def share(self) -> int:
        return self.per_module or max(1, self.workers // 2)


@dataclass(slots=True)
class Worker:
    """One worker process and what it was started as."""

    process: Any
    name: str
    end: str = ""  # why the guard killed it


@dataclass(slots=True)
class Helper:
    """A process that the workers need; started again when it ends, not more often than once in a while."""

    name: str
    spawn: Callable[[], Any]
    process: Any = None
    _starts_at: float = 0.0

    def start(self) -> None:
        self.process = self.spawn()
        self._starts_at = time.monotonic() + HELPER_PAUSE_S

    def guard(self) -> None:
        """Start it again if it ended."""
        if not self.process.is_alive() and time.monotonic() >= self._starts_at:
            logger.warning("the %s ended with code %s; starting another", self.name, self.process.exitcode)
            self.start()


class ModuleSentinel(Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """Starts the worker processes and the keeper, and replaces those that end, hang, or take too much memory."""

    workers: list[Worker]
    helpers: list["Helper"]

    def __init__(self, *arguments: Any, options: ClusterOptions) -> None:
        self.options = options
        super().__init__(*arguments)  # does not return before the end

    def spawn_cluster(self) -> None:
        modules = tuple(composed().modules)
        self.slots = Slots(modules, self.options.workers, per_module=self.options.share)
        # A signal to the whole group, or to this process alone, means the same as one to the cluster.
        signal.signal(signal.SIGTERM, lambda *_: self.slots.stop())
        self.wake_reader, self.wake_writer = os.pipe()
        for descriptor in (self.wake_reader, self.wake_writer):
            os.set_blocking(descriptor, False)
        connections.close_all()
        gc.freeze()  # what is there now is shared with the children as long as nobody touches it
        self.helpers = [
            Helper("keeper", lambda: self._spawn(keep, self.slots, self.wake_writer, self._prepare))
        ]
        if singletons():
            self.helpers.append(
                Helper("leader", lambda: self._spawn(lead, self.slots, self._prepare, self.options.grace_s))
            )
        if message_types():
            self.helpers += [
                Helper("relay", lambda: self._spawn(relay, self.slots, self._prepare)),
                Helper("consumer", lambda: self._spawn(consume, self.slots, self._prepare)),
            ]
        for helper in self.helpers:
            helper.start()
        self.workers = [self._spawn_worker(slot) for slot in range(self.options.workers)]

    def guard(self) -> None:
        """Look after the processes until told to stop."""
        self.start_event.set()
        while not (self.stop_event.is_set() or self.slots.is_stopping or is_orphan()):
            wait([worker.process.sentinel for worker in self.workers], GUARD_CYCLE_S)
            for slot, worker in enumerate(self.workers):
                self._guard(slot, worker)
            for helper in self.helpers:
                helper.guard()
        self.stop()

    def stop(self) -> None:
        """Let running jobs end, for as long as the grace; then hand back what still runs."""
        self.slots.stop()
        self._wake(len(self.workers))
        ends = time.monotonic() + self.options.grace_s
        processes = [
            *(worker.process for worker in self.workers),
            *(helper.process for helper in self.helpers),
        ]
        for process in processes:
            process.join(max(0.0, ends - time.monotonic()))
        for process in processes:
            process.kill()
            process.join()
        for slot in range(len(self.workers)):
            self._hand_back(slot)

    def _wake(self, workers: int) -> None:
        with suppress(BlockingIOError):  # full, so there is something for each to read
            os.write(self.wake_writer, b"." * workers)

    # The processes.

    def _spawn(self, target: Callable[..., None], *arguments: Any) -> Any:
        process = context.Process(target=target, args=arguments, daemon=True)
        process.start()
        return process

    def _spawn_worker(self, slot: int, predecessor: str = "", end: str = "", module: str = "") -> Worker:
        state = self.slots.workers[slot]
        state.generation += 1
        name = f"{socket.gethostname()}/{self.cluster_id.hex[:12]}/{slot}.{state.generation}"
        place = Place(
            slot, name, predecessor, end, module, self.slots, self.wake_reader, self.wake_writer, Solitude()
        )
        return Worker(self._spawn(work, place, self._prepare), name)

    def _prepare(self) -> None:
        """Make a forked process one of its own."""
        die_with_parent()
        if is_orphan():  # since before it said so
            os._exit(1)
        for number in (signal.SIGTERM, signal.SIGINT):
            # The sentinel says when to stop. A function, because what is ignored stays so in programs started here.
            signal.signal(number, lambda *_: None)

    def _guard(self, slot: int, worker: Worker) -> None:
        if worker.process.is_alive():
            if end := self._reason_to_kill(slot, worker.process.pid):
                worker.end = end
                worker.process.kill()
                worker.process.join()
            else:
                return
        end = worker.end or f"Its process ended with code {worker.process.exitcode}."
        left = self._left_module(slot, in_order=worker.process.exitcode == 0)
        if left:
            logger.warning("worker %s, at a job of %s, is replaced: %s", worker.name, left, end)
        worker.process.close()
        self.workers[slot] = self._spawn_worker(slot, worker.name if left else "", end, left)
        self._wake(1)  # it may have taken along what was to wake another

    def _left_module(self, slot: int, *, in_order: bool) -> str:
        """Clear the slot of a process that ended; return the module of which it may have left a running job."""
        state = self.slots.workers[slot]
        index, ran = int(state.module), bool(state.is_running)
        self.slots.leave(slot)
        if index < 0 or (in_order and not ran):
            return ""
        if ran:
            self.slots.crashed(index)
        module: str = self.slots.modules[index]
        return module

    def _reason_to_kill(self, slot: int, pid: int) -> str:
        state = self.slots.workers[slot]
        now = time.monotonic()
        if not state.is_running:
            return ""
        if state.killed_at and now > state.killed_at:
            return "It did not end after its time limit, and its process was killed."
        if state.is_lost or now > state.lease_ends - LEASE_GRACE_S:
            return "Its lease was lost, and its process was killed."
        if state.memory_limit and resident_bytes(pid) > state.memory_limit:
            return "It took more memory than its limit, and its process was killed."
        return ""

    def _hand_back(self, slot: int) -> None:
        index = self.slots.workers[slot].module
        if index < 0:
            return
        try:
            with entering(self.slots.modules[index]), atomic():
                for job in records.left_behind(self.workers[slot].name):
                    records.interrupt(job)
        except Exception:  # the cluster ends all the same, and the other slots have their turn
            logger.warning("a running job could not be handed back; its lease will end", exc_info=True)


class ModuleCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    """A sentinel with its workers, and what tells them to stop."""

    def __init__(self, options: ClusterOptions) -> None:
        super().__init__()
        self.options = options

    def start(self) -> int:
        """Start the sentinel; returns the process id once its workers are there."""
        self.stop_event = context.Event()
        self.start_event = context.Event()
        self.sentinel = context.Process(
            target=ModuleSentinel,
            args=(self.stop_event, self.start_event, self.cluster_id),
            kwargs={"options": self.options},
        )
        self.sentinel.start()
        # A signal to stop takes the event away.
        while self.start_event is not None and not self.start_event.is_set() and self.sentinel.is_alive():
            time.sleep(GUARD_CYCLE_S / 2)
        if self.sentinel.exitcode:
            raise RuntimeError(f"the sentinel ended with code {self.sentinel.exitcode}")
        return int(self.pid)

    def sig_handler(self, signum: int, frame: Any) -> None:
        """Stop in order; one that has not started ends at once."""
        if self.sentinel is None:
            sys.exit(0)
        super().sig_handler(signum, frame)


def lead(slots: Slots, prepare: Callable[[], None], grace_s: float) -> None:
    """Be the process that supervises singletons until the cluster stops."""
    prepare()
    run_singletons(slots, grace_s=grace_s)


def use_plain_connections() -> None:
    """Let this process and those that it forks keep one connection per module, and no pool with threads.

    To be called before anything connects.
    """
    for options in connections.settings.values():
        options["OPTIONS"].pop("pool", None)
        options["CONN_MAX_AGE"] = None
        options["OPTIONS"].setdefault("connect_timeout", 5)  # of a host that does not even refuse
        # Planned once per connection; see the public tier's alias (ADR 0002).
        options["OPTIONS"].update(prepare_threshold=3, server_side_binding=True)


def die_with_parent() -> None:
    """Let the kernel end this process when the one that forked it is gone, whatever it is doing then."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
