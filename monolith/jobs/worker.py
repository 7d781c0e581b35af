"""A worker process: it claims jobs for itself and runs them one after the other.

The process is django-q2's `worker`; what it takes for its task queue claims rows, and what it takes for its result
queue has nothing left to do, because a job's end is written in the transaction of its effects. Nothing is handed over
between processes, so a killed one takes nothing along and leaves no lock behind.
"""

import logging
import multiprocessing
import os
import random
import select
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import IntegrityError, connections
from django_q.worker import worker as django_q_worker

from monolith.composition import composed
from monolith.context import entering
from monolith.jobs import records
from monolith.jobs.memory import MemoryLimit
from monolith.jobs.records import Claimed
from monolith.jobs.registry import runnable, tasks_of
from monolith.jobs.runner import Attempt, JobLost, WorkerDied, fail, lost, run
from monolith.jobs.slots import Slots
from monolith.jobs.solitude import Solitude
from monolith.jobs.task import AnyTask
from monolith.telemetry import start_telemetry
from monolith.transactions import atomic, connection

logger = logging.getLogger("monolith.jobs")

STOP: Final = "STOP"  # what ends django-q2's worker
POLL_S: Final = 1.0  # between two looks at every module when nobody says that there is work
UNKNOWN_PAUSE_S: Final = 60.0  # before a job is looked at again whose function this process does not have
BATCH: Final = 50
BATCH_S: Final = 0.1  # how long the jobs that are claimed together may take, going by the last ones
KILL_GRACE_S: Final = 3.0  # after the limit: for the alarm inside the process, then it is killed
HEAVY_EVERY: Final = 8  # claims of a module until a heavy job is looked for first
UNREACHABLE_PAUSE_S: Final = 1.0


class Timer:
    """What django-q2's worker writes its state to; nobody reads it: the slots say more, and hold no lock."""

    value = -1.0

    def get_lock(self) -> "Timer":
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


class NoResults:
    """What django-q2's worker hands its results to."""

    def put(self, _: object) -> None:
        return None


@dataclass(slots=True)
class Place:
    """A worker's place in its cluster."""

    slot: int
    name: str  # unique for each process
    predecessor: str  # the process that had the slot before, if a job took it along
    end_of_predecessor: str  # how, in words
    module_of_predecessor: str
    slots: Slots
    wake: int  # reading end of a pipe; one byte for each job that came
    wake_another: int  # its writing end
    solitude: Solitude


class Run:
    """One call of a job, shown in django-q2's log by its name alone."""

    __slots__ = ("_job", "_source", "_task")

    def __init__(self, source: "JobSource", job: Claimed, task: AnyTask) -> None:
        self._source, self._job, self._task = source, job, task

    def __call__(self) -> None:
        self._source.run(self._job, self._task)

    def __repr__(self) -> str:
        return self._job.task


@dataclass(slots=True)
class Pace:
    """How long the jobs of a module take here."""

    seconds: float = BATCH_S
    claims: int = 0

    def measured(self, seconds: float) -> None:
        self.seconds += (seconds - self.seconds) * 0.3

    @property
    def batch(self) -> int:
        return max(1, min(BATCH, int(BATCH_S / max(self.seconds, 1e-4))))


@dataclass(slots=True)
class JobSource:
    """The task queue of one worker process: its jobs come from the modules' tables."""

    place: Place
    _batch: deque[Claimed] = field(default_factory=deque)
    _started: Claimed | None = None  # by the commit that ended the job before
    _started_at: float = 0.0  # time.monotonic(), before it, or before the claim that started one
    _next: int = 0  # the module to look at first
    _seen: list[int] = field(default_factory=list)
    _paces: list[Pace] = field(default_factory=list)
    _replace: bool = False
    _doubtful: dict[str, float] = field(
        default_factory=dict
    )  # modules whose rows may be wrong of us; when to look
    _unrecorded: dict[tuple[str, int], Mapping[str, str]] = field(
        default_factory=dict
    )  # errors of jobs that ran
    _memory: MemoryLimit = field(default_factory=MemoryLimit)

    def __post_init__(self) -> None:
        count = len(self.place.slots.modules)
        self._seen = [-1] * count
        self._paces = [Pace() for _ in range(count)]
        # Not all workers begin with the same module.
        self._next = self.place.slot % max(count, 1)

    # django-q2's side.

    def get(self) -> dict[str, Any] | str:
        """Return the next job as django-q2's worker takes it, already started; STOP when the process is to end."""
        while not self._is_ending():
            self._settle()
            if (found := self._next_started()) is not None:
                return self._package(*found)
            self._wait()
        return STOP

    def _package(self, job: Claimed, task: AnyTask) -> dict[str, Any]:
        return {
            "id": str(job.id),
            "name": f"{job.module} {job.id}",
            "func": Run(self, job, task),
            "args": (),
            "kwargs": {},
            "timeout": task.time_limit_s or -1,
        }

    # Finding a job.

    def _is_ending(self) -> bool:
        return self._replace or self.place.slots.is_stopping or is_orphan()

    def _next_started(self) -> tuple[Claimed, AnyTask] | None:
        if (job := self._started) is not None:
            self._started = None
            task = runnable(job.task, job.module)
            if task is not None:
                return self._taken(job, task, self._started_at)
        if self._batch:
            with self._sparing(self._batch[0].module):
                if (found := self._start_one()) is not None:
                    return found
        self._leave()
        return self._look_everywhere()

    def _start_one(self) -> tuple[Claimed, AnyTask] | None:
        while self._batch:
            if (found := self._start(self._batch.popleft())) is not None:
                return found
        return None

    def _look_everywhere(self) -> tuple[Claimed, AnyTask] | None:
        slots = self.place.slots
        count = len(slots.modules)
        for offset in range(count):
            index = (self._next + offset) % count
            module, wakes = slots.modules[index], slots.states[index].wakes
            if (
                self._seen[index] == wakes
                or module in self._doubtful
                or not slots.enter(self.place.slot, index)
            ):
                continue
            with self._sparing(module):
                if (found := self._claim(index)) is not None:
                    self._next = (index + 1) % count
                    self._pass_on(index)
                    return found
                self._seen[index] = wakes
            slots.leave(self.place.slot)
        return None

    def _pass_on(self, taken: int) -> None:
        """Wake another worker if there may be work of other modules: the byte that woke us may have been for that."""
        states = self.place.slots.states
        if any(seen != states[i].wakes for i, seen in enumerate(self._seen) if i != taken):
            with suppress(BlockingIOError):
                os.write(self.place.wake_another, b".")

    def _claim(self, index: int) -> tuple[Claimed, AnyTask] | None:
        pace = self._paces[index]
        pace.claims += 1
        # Heavy jobs come when there are no others, and now and then before them, so that they come at all.
        for heavy in (True, False) if pace.claims % HEAVY_EVERY == 0 else (False, True):
            self._batch.extend(self._claimed_heavy(index) if heavy else self._claimed(index))
            if (found := self._start_one()) is not None:
                return found
            self.place.solitude.release()
        return None

    def _claimed(self, index: int) -> list[Claimed]:
        module = self.place.slots.modules[index]
        leases = {path: task.lease_seconds for path, task in tasks_of(module).items()}
        self._started_at = time.monotonic()
        with entering(module), suppress(IntegrityError):
            return records.claim_and_start(
                module,
                limit=self._paces[index].batch,
                heavy=False,
                leases=leases,
                worker=self.place.name,
            )
        with entering(module):  # the first has the key of one that runs; it is put aside when it is started
            return records.claim(module, limit=self._paces[index].batch, heavy=False)

    def _claimed_heavy(self, index: int) -> list[Claimed]:
        module = self.place.slots.modules[index]
        if not any(task.heavy for task in tasks_of(module).values()) or not self.place.solitude.take():
            return []
        with entering(module):
            jobs = records.claim(module, limit=1, heavy=True)
        if not any(job.heavy for job in jobs):
            self.place.solitude.release()
        return jobs

    def _start(self, job: Claimed) -> tuple[Claimed, AnyTask] | None:
        task = runnable(job.task, job.module)
        if job.is_started and task is not None:
            return self._taken(job, task, self._started_at)
        with entering(job.module):
            if task is None:
                logger.error("job %s of %s is of %s, which is not here", job.id, job.module, job.task)
                records.postpone(job, pause_s=UNKNOWN_PAUSE_S)
                return None
            asked_at = time.monotonic()
            try:
                started = records.start(job, lease_s=task.lease_seconds, worker=self.place.name)
            except IntegrityError:  # another job of its concurrency key runs
                records.block(job)
                started = False
        return self._taken(job, task, asked_at) if started else None

    def _taken(self, job: Claimed, task: AnyTask, asked_at: float) -> tuple[Claimed, AnyTask]:
        """Say what this process runs; its lease began when it was asked for, or later."""
        state = self.place.slots.workers[self.place.slot]
        state.lease_s, state.lease_ends = task.lease_seconds, asked_at + task.lease_seconds
        state.job, state.fence, state.is_lost = job.id, job.fence, 0
        state.killed_at = time.monotonic() + task.time_limit_s + KILL_GRACE_S if task.time_limit_s else 0.0
        state.memory_limit = self._memory.ceiling(task.memory_limit_mb)
        state.is_running = 1
        return job, task

    def _wait(self) -> None:
        """Sleep until somebody says that there is work, or for about POLL_S; then every module is looked at."""
        ends = time.monotonic() + POLL_S * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load
        while (left := ends - time.monotonic()) > 0:
            readable, _, _ = select.select([self.place.wake], [], [], left)
            with suppress(BlockingIOError):  # another worker was faster; one is enough for one job
                if readable and os.read(self.place.wake, 1):
                    return
        self._seen = [-1] * len(self._seen)

    # Running it.

    def run(self, job: Claimed, task: AnyTask) -> None:
        """Run a started job; raises TimeoutException when the process has to end after it."""
        place = self.place
        index = place.slots.workers[place.slot].module
        attempt = Attempt(job, task, place.name)
        self._add_following(attempt)
        began = time.monotonic()
        try:
            with self._memory.limiting(task.memory_limit_mb):
                error = run(attempt)
        except BaseException:
            # Mostly the alarm, which may strike anywhere: the process ends after this.
            self._replace = True
            place.slots.crashed(index)
            self._keep_in_doubt(attempt)
            raise
        finally:
            if job.heavy:
                place.solitude.release()
        place.slots.workers[place.slot].is_running = 0
        self._paces[index].measured(time.monotonic() - began)
        if attempt.following_started:
            self._started, self._started_at = self._batch.popleft(), attempt.asked_at
        elif attempt.unrecorded is not None or (error is not None and attempt.asked_at):
            self._keep_in_doubt(attempt)
        self._judge(index, error)

    def _judge(self, index: int, error: BaseException | None) -> None:
        slots = self.place.slots
        if error is None or isinstance(error, JobLost):
            slots.succeeded(index)
        elif isinstance(error, MemoryError):
            slots.crashed(index)
        else:
            slots.failed(index)
        self._replace = self._replace or isinstance(error, MemoryError) or self._memory.has_grown()

    def _add_following(self, attempt: Attempt) -> None:
        """Let the commit that ends this job start the next one of the batch, if nothing speaks against it."""
        slots = self.place.slots
        if not self._batch or slots.is_stopping or not slots.may_go_on(self.place.slot):
            return
        following = self._batch[0]
        # One with a key may be held up by others, and this commit with it.
        task = runnable(following.task, following.module)
        if task is None or following.dedupe_key or following.heavy:
            return
        if following.concurrency_key and not following.ordered:
            return
        attempt.following, attempt.following_lease_s = following, task.lease_seconds

    # Ending.

    def _leave(self) -> None:
        self.place.slots.leave(self.place.slot)

    def let_go(self) -> None:
        """Hand back what was claimed or started and has not run; to be called when the process ends."""
        index = self.place.slots.workers[self.place.slot].module
        modules = {*self._doubtful, *([self.place.slots.modules[index]] if index >= 0 else [])}
        batch = list(self._batch)
        self._doubtful = dict.fromkeys(modules, 0.0)
        self._settle()
        if batch:
            with self._sparing(batch[0].module), entering(batch[0].module):
                records.give_back(batch)
        self._leave()

    # When it is not known which of the last statements took effect.

    @contextmanager
    def _sparing(self, module: str) -> Iterator[None]:
        """Go on with the other modules when the tables of one cannot be used."""
        try:
            yield
        except (
            Exception
        ):  # a lock, a lost connection, a missing table: nothing of one module may end the process
            logger.warning("the jobs of %s cannot be had; trying again", module, exc_info=True)
            self._doubt(module)

    def _keep_in_doubt(self, attempt: Attempt) -> None:
        if attempt.unrecorded is not None:
            self._unrecorded[attempt.job.module, attempt.job.id] = attempt.unrecorded
        self._doubt(attempt.job.module)

    def _doubt(self, module: str) -> None:
        """Drop what was claimed of a module, and look a moment later at what its rows say of this process."""
        self._doubtful[module] = time.monotonic() + UNREACHABLE_PAUSE_S
        self._batch.clear()
        self.place.solitude.release()
        self._leave()
        connections[composed().alias_of(module)].close()

    def _settle(self) -> None:
        """Set right what rows say of this process."""
        for module in [name for name, when in self._doubtful.items() if when <= time.monotonic()]:
            with self._sparing(module):
                with entering(module), atomic():
                    for job in records.left_behind(self.place.name):
                        if (error := self._unrecorded.pop((module, job.id), None)) is not None:
                            fail(job, runnable(job.task, module), error)
                        else:
                            records.interrupt(job)
                del self._doubtful[module]


def is_orphan() -> bool:
    """Say whether the process that forked this one is gone."""
    parent = multiprocessing.parent_process()
    return parent is not None and parent.pid != os.getppid()


def recover(place: Place) -> None:
    """Write down that the attempt of the process before us failed; it ended without doing so."""
    if not place.predecessor:
        return
    with entering(place.module_of_predecessor), atomic():
        for job in records.left_behind(place.predecessor):
            error = lost(WorkerDied, place.end_of_predecessor, place.predecessor)
            fail(job, runnable(job.task, place.module_of_predecessor), error)


def connect(modules: Iterable[str]) -> None:
    """Connect to every module now, so that no job waits for it; one that does not answer is tried again later."""
    for module in modules:
        with suppress(Exception), entering(module):
            connection().ensure_connection()


def work(place: Place, prepare: Callable[[], None]) -> None:
    """Be a worker process until told to stop."""
    prepare()
    start_telemetry(composed().profile)
    try:
        recover(place)
    except Exception:  # the slot is needed also when its last module cannot be reached
        logger.warning("the job of a process that died waits for its lease to end", exc_info=True)
        connections.close_all()
    connect(place.slots.modules)
    source = JobSource(place)
    django_q_worker(source, NoResults(), Timer(), -1)
    source.let_go()
    connections.close_all()
