"""`@singleton`: work that goes on for as long as the system does, in one process of a deployment at a time.

The process that leads holds a lease, which somebody else renews for it. It has to end its work before the lease does,
and is ended otherwise: `docs/how-to/schedules-and-singletons.md`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import isclass, iscoroutinefunction
from typing import Any, Final, Protocol, runtime_checkable

from monolith.errors import MonolithError

# Of a lease, counted from when its last renewal was asked for.
RENEW_AFTER: Final = 1 / 3  # earlier costs statements, later leaves fewer attempts
STOP_AFTER: Final = 2 / 3  # not renewed for so long: the work is told to stop
KILL_AFTER: Final = 0.85  # and its process killed; the rest is for clocks that run apart and for a busy host
SHORTEST_LEASE_S: Final = 1.0


class LeaseLost(MonolithError):
    """This process does not lead any more, or cannot know: what the work does now, another may be doing as well."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leadership:
    """What a singleton's work knows about its lead. Tests make one themselves: `Leadership(fence=1)`."""

    fence: int  # higher than that of every earlier leader
    stopping: threading.Event = field(default_factory=threading.Event)  # set when the work is to end
    is_lost: Callable[[], bool] = _never  # whether the lease may be another's by now

    def require(self) -> None:
        """Raise LeaseLost unless this process leads; to be called before each step that two must not take."""
        if self.is_lost():
            raise LeaseLost("the lease was not renewed in time; this process does not lead any more")


@runtime_checkable
class Work(Protocol):
    """A singleton with hooks: a class whose instance is made in the process that leads.

    It may have `start(leadership)`, which comes before and has to end within `start_timeout_s`, and `stop()`, which
    comes after `run` however that ended; both have to end within `stop_timeout_s` of the wish to stop.
    """

    def run(self, leadership: Leadership) -> None:
        """Work until `leadership.stopping` is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Singleton:
    """Work that one process of a deployment does at a time."""

    work: Callable[..., Any]  # a function of a Leadership, or a class of Work
    lease_s: float = (
        30.0  # how long a leader that vanished is waited for; work that holds the interpreter longer ends
    )
    start_timeout_s: float = 30.0  # for the process to start and its start hook to end
    stop_timeout_s: float = 10.0  # for the work and its stop hook to end when told to
    declines: Callable[[], str] = str  # why it cannot run here, as a sentence; "" when it can

    @property
    def name(self) -> str:
        """The dotted name of what it runs."""
        return f"{self.work.__module__}.{self.work.__qualname__}"

    @property
    def renew_s(self) -> float:
        return self.lease_s * RENEW_AFTER


def singleton(
    *,
    lease_s: float = 30.0,
    start_timeout_s: float = 30.0,
    stop_timeout_s: float = 10.0,
    declines: Callable[[], str] = str,
) -> Callable[[Callable[..., Any]], Singleton]:
    """Make a singleton of a function of a Leadership, or of a class of Work, in a module's tasks file.

    `declines` is asked before each attempt to lead, in the process that supervises: it looks at settings and no more.
    Raises ValueError or TypeError for what cannot be.
    """

    def wrap(work: Callable[..., Any]) -> Singleton:
        made = Singleton(
            work=work,
            lease_s=lease_s,
            start_timeout_s=start_timeout_s,
            stop_timeout_s=stop_timeout_s,
            declines=declines,
        )
        _require_valid(made)
        return made

    return wrap


def _require_valid(made: Singleton) -> None:
    if made.lease_s < SHORTEST_LEASE_S:
        raise ValueError(f"{made.name}: lease_s is at least {SHORTEST_LEASE_S:g}, not {made.lease_s:g}")
    for option in ("start_timeout_s", "stop_timeout_s"):
        if getattr(made, option) <= 0:
            raise ValueError(f"{made.name}: {option} is more than 0, not {getattr(made, option):g}")
    if isclass(made.work) and not callable(getattr(made.work, "run", None)):
        raise TypeError(f"{made.name} has no run(leadership); a singleton is a function or a class with that")
    if iscoroutinefunction(made.work) or iscoroutinefunction(getattr(made.work, "run", None)):
        raise TypeError(f"{made.name} is async; write a function that calls asyncio.run")
