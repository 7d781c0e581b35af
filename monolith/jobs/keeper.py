"""The keeper of a cluster: the process that says what is due.

It makes jobs ready whose time has come, fires schedules, finds jobs whose process is gone, extends the leases of those
that run, and wakes workers when the database says that there is work.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from django.db import DatabaseError, InterfaceError, connections

from monolith.composition import composed
from monolith.context import entering
from monolith.jobs import records, schedules
from monolith.jobs.registry import runnable, tasks_of
from monolith.jobs.runner import LeaseExpired, fail, lost
from monolith.jobs.slots import Slots
from monolith.jobs.worker import POLL_S, is_orphan
from monolith.notifications import Listener
from monolith.transactions import atomic

logger = logging.getLogger("monolith.jobs")

CHANNEL: Final = "monolith_jobs"
AT_ONCE: Final = 500  # rows that one statement makes ready or finds expired
SHORTEST_CYCLE_S: Final = 0.02
SWEEP_S: Final = 30.0  # between two looks for what should not be: a longer one leaves it there for longer
HELD_UP_S: Final = 0.2  # when what is due is locked: it is just being enqueued again


class Wakening:
    """Tells workers that a module has work."""

    def __init__(self, slots: Slots, pipe: int) -> None:
        self._slots = slots
        self._pipe = pipe  # writing end, not blocking
        self._index = {name: index for index, name in enumerate(slots.modules)}

    def module(self, name: str, jobs: int = 1) -> None:
        """Let up to so many workers look at the module."""
        index = self._index.get(name)
        if index is None:
            return
        self._slots.states[index].wakes += 1
        with suppress(BlockingIOError):  # full: every worker has been told
            os.write(self._pipe, b"." * min(jobs, len(self._slots.workers)))


class Keeper:
    """One cluster's."""

    def __init__(self, slots: Slots, pipe: int) -> None:
        self._slots = slots
        self._wake = Wakening(slots, pipe)
        self._ended = threading.Event()
        self._scheduled: set[str] = set()  # modules whose schedules are as declared
        self._sweep_at: dict[str, float] = {}  # time.monotonic(), by module

    def run(self) -> None:
        """Keep until the cluster stops."""
        Listener(CHANNEL, self._wake.module, until=lambda: self._slots.is_stopping).start()
        while not self._slots.is_stopping and not is_orphan():
            pause = POLL_S
            for module in self._slots.modules:
                try:
                    with entering(module):
                        pause = min(pause, self._tend(module))
                except Exception:  # a module that cannot be kept does not hold up the others
                    logger.warning("the jobs of %s cannot all be kept; trying again", module, exc_info=True)
                    connections[composed().alias_of(module)].close()
            self._renew()
            self._ended.wait(max(pause, SHORTEST_CYCLE_S))

    def _tend(self, module: str) -> float:
        """Do what is due in a module; returns the seconds until something is again."""
        if module not in self._scheduled:
            schedules.upsert(module)
            records.lighten([path for path, task in tasks_of(module).items() if task.heavy])
            self._scheduled.add(module)
        records.plan_anew()
        ready = records.promote(AT_ONCE) + records.unblock_free() + self._fail_expired(module)
        if time.monotonic() >= self._sweep_at.get(module, 0.0):
            ready += records.unblock_ordered_free() + records.let_go(AT_ONCE)
            self._sweep_at[module] = time.monotonic() + SWEEP_S
        if records.switched_off():
            records.hold(AT_ONCE)
        if ready:
            self._wake.module(module, ready)
        dues = records.next_due_s(), schedules.seconds_to_next(module)
        # Last: it raises when one cannot be fired, and that must keep nothing else waiting.
        schedules.fire(module)
        pause = min([POLL_S, *(due for due in dues if due is not None)])
        return pause if pause > 0 or ready else HELD_UP_S

    def _fail_expired(self, module: str) -> int:
        with atomic():
            jobs = records.expired(AT_ONCE)
            for job in jobs:
                text = "Its lease ended: the process that ran it is gone, or could not reach the database."
                fail(job, runnable(job.task, module), lost(LeaseExpired, text, job.worker))
        return len(jobs)

    def _renew(self) -> None:
        """Extend the leases that are half over; what has lost its lease is ended by the guard."""
        for slot in self._slots.workers:
            asked = time.monotonic()
            job, module = slot.job, slot.module
            if not slot.is_running or module < 0 or slot.lease_ends - asked > slot.lease_s / 2:
                continue
            name = self._slots.modules[module]
            try:
                with entering(name):
                    held = records.renew(job, slot.fence, lease_s=slot.lease_s)
            except (DatabaseError, InterfaceError):
                connections[composed().alias_of(name)].close()
                continue
            if slot.job == job and slot.is_running:
                if held:
                    slot.lease_ends = asked + slot.lease_s
                else:
                    slot.is_lost = 1


def keep(slots: Slots, pipe: int, prepare: Callable[[], None]) -> None:
    """Be the keeper's process until the cluster stops."""
    prepare()
    try:
        Keeper(slots, pipe).run()
    finally:
        connections.close_all()
