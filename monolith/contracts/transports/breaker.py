"""Not asking a module that does not answer: a circuit breaker.

    closed ──(FAILURES in a row)──▶ open ──(PAUSE_S)──▶ half open ──(an answer)──▶ closed
                                     ▲                     │
                                     └─────(a failure)─────┘

Our own, because no library fits: circuitbreaker 2.1 lets every thread through when half open, and stamina's back-off
(26) logs the arguments of what it calls.
"""

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from monolith.contracts.errors import BreakerOpen

logger = logging.getLogger("monolith.contracts")

FAILURES: Final = 5  # in a row; fewer opens for a restart, more makes more callers wait for nothing
PAUSE_S: Final = (
    5.0  # a longer one leaves a module that is back unused, a shorter one asks a dead one more often
)


class State(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"  # every call
    OPEN = "open"  # none
    HALF_OPEN = "half open"  # one, to see


class Breaker:
    """Watches the calls to one module, from every thread of this process."""

    def __init__(
        self,
        module: str,
        *,
        failures: int = FAILURES,
        pause_s: float = PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.module = module
        self._most = failures
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._state = State.CLOSED
        self._failures = 0  # in a row
        self._probe_at = 0.0  # when an open breaker lets one call through
        self._prober = 0  # the thread that makes it

    @property
    def state(self) -> State:
        return self._state

    def admit(self, operation: str) -> None:
        """Let a call pass or raise BreakerOpen. Its thread must tell how it ended: succeeded, failed or undecided."""
        with self._lock:
            if self._state is State.OPEN and self._clock() >= self._probe_at:
                self._prober = threading.get_ident()
                self._become(State.HALF_OPEN)
            elif self._state is not State.CLOSED:
                raise BreakerOpen(
                    operation, f"'{self.module}' does not answer; it is tried again in a moment"
                )

    def succeeded(self) -> None:
        """Say that there was an answer, whatever it was."""
        with self._lock:
            self._failures = 0
            # An answer to a call that set out before the breaker opened says that the module lives, too.
            self._become(State.CLOSED)

    def failed(self) -> None:
        """Say that there was none."""
        with self._lock:
            self._failures += 1
            if self._state is State.HALF_OPEN or self._failures >= self._most:
                self._probe_at = self._clock() + self._pause_s
                self._become(State.OPEN)

    def undecided(self) -> None:
        """Say that the call ended without telling anything; the next one may be the probe."""
        with self._lock:
            if self._state is State.HALF_OPEN and self._prober == threading.get_ident():
                self._become(State.OPEN)

    def _become(self, state: State) -> None:
        before, self._state = self._state, state
        if before is state:
            return
        if state is State.CLOSED:
            logger.info("calls to '%s': answered again, the breaker is closed", self.module)
        elif state is State.HALF_OPEN:
            logger.info("calls to '%s': one is tried", self.module)
        else:
            logger.warning(
                "calls to '%s': %d failed in a row, the breaker is open for %g s",
                self.module,
                self._failures,
                self._pause_s,
            )
