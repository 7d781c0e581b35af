"""What relay and consumer have in common: a thread for each module, and one of all processes that does the work.

A lease says which one. It spares the others the work and no more: two that work at once send the same messages in the
same order, or move the same position, which the broker and the database notice.
"""

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import ClassVar, Final

from django.db import DatabaseError, InterfaceError, connections

from monolith.composition import composed
from monolith.context import entering
from monolith.contracts.errors import MessageUnreadable
from monolith.events.envelope import read_envelope
from monolith.events.errors import BrokerError, OutOfStep
from monolith.jobs.leases import LeaseOf
from monolith.telemetry import continuing, is_tracing

logger = logging.getLogger("monolith.events")

LEASE_S: Final = 3.0  # a longer one keeps a module waiting for longer when its process was killed
POLL_S: Final = 1.0  # also how late a timer may be when nothing is heard from the database
LONGEST_BREATH_S: Final = 0.02
LONGEST_PAUSE_S: Final = 5.0  # between two tries when something is out of reach


def trace(step: str, bodies: Iterable[bytes]) -> None:
    """Leave a span of this step in the trace of each message; nothing when tracing is off."""
    for body in bodies if is_tracing() else ():
        with suppress(MessageUnreadable):
            envelope = read_envelope(body)
            with continuing(envelope.trace, f"{step} {envelope.type}"):
                pass


def breathe(began: float, share: float) -> None:
    """Rest for a share of the time since `began`, of time.monotonic(), before the next round.

    What comes meanwhile goes together: a round costs about the same for one message as for ten. So a busy machine,
    where rounds take long, gets larger ones, and on an idle one nobody notices.
    """
    time.sleep(min(LONGEST_BREATH_S, share * (time.monotonic() - began)))


class Courier(threading.Thread):
    """Works for one module until told to stop."""

    name_of_lease: ClassVar[str]

    def __init__(self, module: str, *, until: Callable[[], bool]) -> None:
        super().__init__(name=f"{self.name_of_lease}:{module}", daemon=True)
        self.module = module
        self._is_ending = until
        self._woken = threading.Event()
        environment = composed().environment
        self._lease = LeaseOf(
            module=module,
            name=f"{self.name_of_lease}.{environment.environment}",
            holder=f"{socket.gethostname()}/{os.getpid()}",
            lease_s=LEASE_S,
        )
        self._fence: int | None = None
        self._renew_at = 0.0  # time.monotonic()
        self._troubles = 0

    def wake(self) -> None:
        """Let it look for work now."""
        self._woken.set()

    def work(self) -> float:
        """Do what there is to do, as the current module; returns the seconds until there may be more."""
        raise NotImplementedError

    def rest(self) -> None:
        """Let go of what only the leader has."""

    def run(self) -> None:
        while not self._is_ending():
            pause = self._round()
            if pause > 0:
                self._woken.wait(min(pause, POLL_S))
            self._woken.clear()
        self._let_go()

    def _round(self) -> float:
        try:
            with entering(self.module):
                pause = self.work() if self._leads() else LEASE_S / 2
        except (OutOfStep, BrokerError, DatabaseError, InterfaceError) as error:
            return self._in_trouble(error)
        except Exception as error:  # whatever it is: the thread goes on, and the other modules do anyway
            logger.exception("%s of %s failed", self.name_of_lease, self.module)
            return self._in_trouble(error)
        self._troubles = 0
        return pause

    def _in_trouble(self, error: Exception) -> float:
        self._troubles += 1
        # Once when it begins, and now and then while it lasts.
        level = logging.WARNING if self._troubles & (self._troubles - 1) == 0 else logging.DEBUG
        logger.log(level, "%s of %s waits: %s", self.name_of_lease, self.module, error)
        self._rest_safely()
        if not isinstance(error, OutOfStep | BrokerError):
            connections[composed().alias_of(self.module)].close()
            self._renew_at = 0.0
        if isinstance(error, OutOfStep) and self._troubles == 1:
            return 0.0  # as when another process reads on; when it stays so, something is wrong
        pause = min(LONGEST_PAUSE_S, 0.1 * 2.0 ** min(self._troubles, 10))
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def _leads(self) -> bool:
        now = time.monotonic()
        if self._fence is not None and now < self._renew_at:
            return True
        if self._fence is not None and self._lease.renew(self._fence):
            self._renew_at = now + LEASE_S / 3
            return True
        if self._fence is not None:
            self._fence = None
            self._rest_safely()
        self._fence = self._lease.acquire().fence
        self._renew_at = now + LEASE_S / 3
        return self._fence is not None

    def _rest_safely(self) -> None:
        try:
            self.rest()
        except Exception:  # what is let go of may be broken already, and the thread has to go on
            logger.info("%s of %s let go of something broken", self.name_of_lease, self.module, exc_info=True)

    def _let_go(self) -> None:
        try:
            self._rest_safely()
            if self._fence is not None:
                self._lease.release(self._fence)
        except Exception:  # it ends by itself
            logger.info(
                "the lease of %s for %s ends by itself", self.name_of_lease, self.module, exc_info=True
            )
        finally:
            connections.close_all()
