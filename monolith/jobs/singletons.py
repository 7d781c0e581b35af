"""The supervisor of singletons: it tries to lead each, and while it leads, renews the lease apart from the work."""

import enum
import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol

from django.db import DatabaseError, InterfaceError, connections

from monolith.composition import composed
from monolith.jobs.leases import LeaseOf
from monolith.jobs.registry import has_tasks, owner_of
from monolith.jobs.singleton import Singleton
from monolith.jobs.singleton_memory import clock
from monolith.jobs.singleton_process import WorkProcess
from monolith.serving.back_off import BackOff
from monolith.serving.lifeline import follow_parent

logger = logging.getLogger("monolith.jobs")

DEFAULT_GRACE_S: Final = 20.0
AFTER_EXPIRY_S: Final = 0.05  # that a follower looks again after the lease it saw
_JOIN_S: Final = 2.0  # for a thread whose process was killed


class State(enum.StrEnum):
    """What a process does about a singleton."""

    FOLLOWING = "following"  # another leads
    SWITCHED_OFF = "switched off"
    DECLINED = "declined"  # it cannot run here
    UNREACHABLE = "unreachable"  # the database does not say who leads
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    RESTING = "resting"  # before it is started again
    STOPPED = "stopped"  # the supervisor is, or has not begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a singleton stands in this process."""

    state: State
    detail: str = ""  # why, or who leads
    fence: int = 0  # of ours, while we lead


class StopEvent(Protocol):
    """An event of `threading` or `multiprocessing`."""

    def wait(self, timeout: float | None = None, /) -> bool: ...


def singletons() -> list[tuple[str, Singleton]]:
    """Return the singletons in the tasks files of the composed modules, each with its module."""
    return [
        (module.name, value)
        for module in composed().modules.values()
        if has_tasks(module)
        for value in vars(import_module(module.tasks_module)).values()
        if isinstance(value, Singleton) and owner_of(value.name) == module.name
    ]


class SingletonSupervisor:
    """Takes part in leading singletons, each in a thread of its own."""

    def __init__(self, singletons: Iterable[tuple[str, Singleton]]) -> None:
        self._leaders = [Leader(module, singleton) for module, singleton in singletons]

    @property
    def standings(self) -> Mapping[str, Standing]:
        """How each singleton stands here, by its dotted name."""
        return {leader.singleton.name: leader.standing for leader in self._leaders}

    def start(self) -> None:
        """Try to lead from now on."""
        for leader in self._leaders:
            leader.start()

    def stop(self, grace_s: float = DEFAULT_GRACE_S) -> None:
        """Stop the work, each within its own time and all within `grace_s`, and let go of the leases."""
        ends = clock() + grace_s
        for leader in self._leaders:
            leader.request_stop(within_s=grace_s)
        for leader in self._leaders:
            leader.join(max(0.0, ends - clock()) + _JOIN_S)
            if leader.is_alive():  # it waits for the database; its work must not
                leader.kill_work("the supervisor ended")


class Leader(threading.Thread):
    """Takes part in leading one singleton."""

    def __init__(self, module: str, singleton: Singleton) -> None:
        super().__init__(name=f"lead {singleton.name}", daemon=True)
        self.module = module
        self.singleton = singleton
        holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._lease = LeaseOf(module=module, name=singleton.name, holder=holder, lease_s=singleton.lease_s)
        self._standing = Standing(state=State.STOPPED)
        self._process: WorkProcess | None = None
        self._back_off = BackOff()
        self._happened = threading.Event()  # something that the thread should look at
        self._stop_within_s: float | None = None

    @property
    def standing(self) -> Standing:
        """How the singleton stands in this process."""
        process, standing = self._process, self._standing
        if process is None or standing.state is not State.STARTING:
            return standing
        if process.is_stopping:
            return Standing(state=State.STOPPING, detail=process.why, fence=process.fence)
        return Standing(state=State.RUNNING, fence=process.fence) if process.is_running else standing

    def request_stop(self, *, within_s: float) -> None:
        """Stop the work, let go of the lease and end the thread."""
        self._stop_within_s = within_s
        self._happened.set()

    def kill_work(self, why: str) -> None:
        """End the work's process now, if there is one."""
        if (process := self._process) is not None:
            process.kill(why)

    def run(self) -> None:
        try:
            while self._stop_within_s is None:
                self._wait(self._round_safely())
        finally:
            self._stand(State.STOPPED)
            connections.close_all()

    def _round_safely(self) -> float:
        try:
            return self._round()
        except Exception:  # of `declines`, or of ours: the thread must not end by it
            logger.exception("%s cannot be supervised; trying again", self.singleton.name)
            return self.singleton.renew_s

    def _round(self) -> float:
        """Try to lead once, and do so for as long as it goes; returns the pause until the next time."""
        if reason := self.singleton.declines():
            self._stand(State.DECLINED, reason)
            return self.singleton.renew_s
        asked_at = clock()
        try:
            answer = self._lease.acquire()
        except (DatabaseError, InterfaceError) as error:
            self._failed("cannot try to lead", error)
            self._stand(State.UNREACHABLE, str(error))
            return self.singleton.renew_s
        if answer.fence is None:
            self._stand(State.FOLLOWING if answer.enabled else State.SWITCHED_OFF, answer.holder)
            soon = answer.expires_in_s + AFTER_EXPIRY_S if answer.enabled else self.singleton.renew_s
            return min(self.singleton.renew_s, max(AFTER_EXPIRY_S, soon))
        return self._lead(answer.fence, asked_at)

    def _lead(self, fence: int, asked_at: float) -> float:
        self._stand(State.STARTING, fence=fence)
        logger.info("leading %s with fence %s", self.singleton.name, fence)
        process = self._process = WorkProcess(
            self.singleton, module=self.module, fence=fence, asked_at=asked_at, on_end=self._happened.set
        )
        try:
            self._keep(process, asked_at)
        finally:
            process.kill("its supervisor failed")  # it has ended, unless something here raised
            process.ended.wait()
            self._process = None
            process.close()
        self._release(fence)
        pause = self._back_off.delay_s(ran_for_s=process.ran_for_s)
        self._stand(State.RESTING, process.why or f"its process ended with {process.returncode}")
        if self._stop_within_s is None:
            logger.warning(
                "%s ended (%s); trying to lead again in %g s",
                self.singleton.name,
                self._standing.detail,
                pause,
            )
        return pause

    def _keep(self, process: WorkProcess, asked_at: float) -> None:
        """Renew the lease until the work's process has ended."""
        renew_at = asked_at + self.singleton.renew_s
        while not process.ended.is_set():
            self._wait(renew_at - clock())
            if self._stop_within_s is not None and not process.is_stopping:
                process.ask_to_stop("the supervisor stops", within_s=self._stop_within_s)
            if clock() >= renew_at and not process.ended.is_set():
                renew_at = self._renew(process)

    def _renew(self, process: WorkProcess) -> float:
        """Renew the lease once; returns when to do so again."""
        asked_at = clock()
        try:
            enabled = self._lease.renew(process.fence)
        except (DatabaseError, InterfaceError) as error:
            self._failed("cannot renew the lease", error)
            return clock() + self.singleton.renew_s / 5
        if enabled is None:
            process.kill("its lease was lost")
            return asked_at + self.singleton.renew_s
        process.renewed(asked_at)
        if not enabled:
            process.ask_to_stop("it was switched off")
        return asked_at + self.singleton.renew_s

    def _release(self, fence: int) -> None:
        try:
            self._lease.release(fence)
        except (DatabaseError, InterfaceError) as error:
            self._failed("cannot let go of the lease, which ends by itself", error)

    def _wait(self, seconds: float) -> None:
        self._happened.wait(max(0.0, seconds))
        self._happened.clear()

    def _stand(self, state: State, detail: str = "", *, fence: int = 0) -> None:
        before, self._standing = self._standing, Standing(state=state, detail=detail, fence=fence)
        if state is State.DECLINED and self._standing != before:
            logger.info("%s does not run here: %s", self.singleton.name, detail)

    def _failed(self, what: str, error: Exception) -> None:
        logger.warning("%s: %s: %s", self.singleton.name, what, error)
        connections[composed().alias_of(self.module)].close()


def run_singletons(stop_event: StopEvent, *, grace_s: float = DEFAULT_GRACE_S) -> None:
    """Be the process that supervises this system's singletons, until the event is set.

    To be called in a process that has not connected to a database yet. When its parent is gone it ends at once, and
    the work with it.
    """
    follow_parent()
    supervisor = SingletonSupervisor(singletons())
    supervisor.start()
    stop_event.wait()
    supervisor.stop(grace_s)
