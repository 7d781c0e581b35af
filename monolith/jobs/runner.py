"""Running one claimed job as its module, and writing down how it ended."""

import json
import logging
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.tasks import TaskContext
from django.utils.json import normalize_json
from django_q.exceptions import TimeoutException

from monolith.context import entering
from monolith.contracts.errors import MessageUnreadable
from monolith.errors import MonolithError
from monolith.jobs import announcing, records
from monolith.jobs.records import Abandoned, Claimed
from monolith.jobs.task import BACKEND, AnyTask, Retry
from monolith.jobs.travels import traveling
from monolith.transactions import atomic, connection

type Context = TaskContext[..., Any]

logger = logging.getLogger("monolith.jobs")

MAX_TRACEBACK: Final = 16_384  # characters, the last ones


class JobLost(MonolithError):
    """The job was given to somebody else; what this attempt did in its transaction is undone."""


class WorkerDied(MonolithError):
    """The process that ran a job ended without writing down how the job did."""


class LeaseExpired(MonolithError):
    """Nobody wrote down how a job did within its lease."""


class GiveUp(MonolithError):
    """Raised by a function whose job trying again cannot help: it is a dead letter at once, with this error."""


_FINAL: Final = (GiveUp, MessageUnreadable)


class JobNotRunning(MonolithError):
    """`completing()` was used outside a job with `transaction=False`, or a second time."""


@dataclass(slots=True)
class Attempt:
    """One run of a job's function."""

    job: Claimed
    task: AnyTask
    worker: str
    following: Claimed | None = None  # to be started by the commit that ends this one
    following_lease_s: int = 0
    following_started: bool = False
    asked_at: float = (
        0.0  # time.monotonic() before the statement that started it: no later than its lease begins
    )
    completed: bool = False
    unrecorded: Mapping[str, str] | None = None  # the error that could not be written down

    def complete(self, value: Any) -> None:
        """End the job inside the open transaction; raises JobLost."""
        text = result_text(self.task, value)
        if self.following is None:
            ours = records.succeed(self.job, text)
        else:
            self.asked_at = time.monotonic()
            ours, self.following_started = records.succeed_and_start(
                self.job,
                text,
                following=self.following,
                lease_s=self.following_lease_s,
                worker=self.worker,
            )
        if not ours:
            raise JobLost(f"job {self.job.id} of {self.job.module} was given to another worker")
        if self.job.concurrency_key and not self.job.ordered:
            records.unblock(self.job.concurrency_key)
        if announcing.is_announced(self.task):
            announcing.announce(self.job.id)
        self.completed = True


_current: ContextVar[Attempt | None] = ContextVar("monolith_job_attempt", default=None)


@contextmanager
def completing() -> Iterator[None]:
    """Make the block the last write of a job with `transaction=False`: it commits together with the job's end.

    So the writes happen exactly once, also when the process dies right after them. The job's result is None.
    Raises JobNotRunning outside such a job, JobLost (and undoes the block) when the job was given away.
    """
    attempt = _current.get()
    if attempt is None or attempt.task.transaction or attempt.completed:
        raise JobNotRunning("completing() belongs into the function of a job with transaction=False, once")
    attempt.following = None  # the function goes on for a while yet
    try:
        with atomic(durable=True):
            yield
            attempt.complete(None)
    except BaseException:
        attempt.completed = False
        raise


def run(attempt: Attempt) -> BaseException | None:
    """Run a started job to its end; returns what its function raised.

    Raises TimeoutException, after it was written down, when the function took too long: the process may be in any
    state then and has to be replaced.
    """
    job = attempt.job
    token = _current.set(attempt)
    try:
        with entering(job.module), _traveling(job):
            try:
                _call(attempt)
            except JobLost as error:
                logger.warning("%s", error)
                attempt.following_started = False
                return error
            except BaseException as error:
                attempt.following_started = False
                if isinstance(error, TimeoutException):
                    # The alarm may have struck in the middle of a statement.
                    connection().close()
                _try_to_fail(attempt, error)
                if isinstance(error, TimeoutException):
                    raise
                return error
    finally:
        _current.reset(token)
    return None


def _traveling(job: Claimed) -> AbstractContextManager[None]:
    return traveling(job.travels, name=f"job {job.task}", job=f"job:{job.module}/{job.id}")


def _call(attempt: Attempt) -> None:
    task = attempt.task
    if task.transaction:
        with atomic(durable=True):
            attempt.complete(_value(attempt))
        return
    value = _value(attempt)
    if not attempt.completed:
        with atomic(durable=True):
            attempt.complete(value)


def _value(attempt: Attempt) -> Any:
    arguments = attempt.job.arguments
    context = (_context(attempt),) if attempt.task.takes_context else ()
    return attempt.task.call(*context, *arguments["args"], **arguments["kwargs"])


def _context(attempt: Attempt) -> Context:
    from django.tasks import task_backends

    from monolith.models import Job

    backend: Any = task_backends[BACKEND]
    return TaskContext(task_result=backend.result_of(Job.objects.get(pk=attempt.job.id), attempt.task))


def result_text(task: AnyTask, value: Any) -> str:
    """Return a function's result as JSON text; raises TypeError naming the task when it is none."""
    try:
        return json.dumps(normalize_json(value), allow_nan=False).replace("\\u0000", "\\ufffd")
    except (TypeError, ValueError) as error:
        raise TypeError(f"{task.module_path} returned what is not JSON: {error}") from None


def error_of(error: BaseException, worker: str) -> dict[str, str]:
    """Return an exception as a job keeps it."""
    text = "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]
    return error_text(f"{type(error).__module__}.{type(error).__qualname__}", text, worker)


def lost(kind: type[WorkerDied | LeaseExpired], text: str, worker: str) -> dict[str, str]:
    """Return, as a job keeps it, that nobody saw its end."""
    return error_text(f"{kind.__module__}.{kind.__qualname__}", text, worker)


def error_text(kind: str, text: str, worker: str) -> dict[str, str]:
    """Return an error as a job keeps it, in characters that PostgreSQL keeps."""
    kept = text.replace("\0", "\ufffd").encode(errors="replace").decode()
    return {"type": kind, "traceback": kept, "at": datetime.now(UTC).isoformat(), "worker": worker}


def fail(
    job: Claimed | Abandoned, task: AnyTask | None, error: Mapping[str, str], *, is_final: bool = False
) -> None:
    """Write down that an attempt failed, as the current module; the job is tried again or is dead.

    It is dead at once when the failure is final: trying again cannot help.
    """
    retry = Retry() if task is None else task.retry
    attempts = job.begun if is_final else retry.attempts
    skip = job.ordered and task is not None and not task.parks
    with atomic():
        status = records.fail(
            job, attempts=attempts, pause_s=retry.pause_s(job.begun), error=error, skip=skip
        )
        if status == "dead" and skip:
            records.lock_order(job.concurrency_key)
            records.unblock_ordered(job.concurrency_key)
        elif status is not None and job.concurrency_key and not job.ordered:
            records.unblock(job.concurrency_key)
        if status == "dead" and announcing.is_announced(task, dead=True):
            announcing.announce(job.id)
    if status == "dead":
        logger.error("job %s (%s) is dead after %s attempts: %s", job.id, job.task, job.begun, error["type"])


def _try_to_fail(attempt: Attempt, error: BaseException) -> None:
    attempt.unrecorded = error_of(error, attempt.worker)
    try:
        fail(attempt.job, attempt.task, attempt.unrecorded, is_final=isinstance(error, _FINAL))
    except Exception:  # whatever is in the way now, the worker writes it down later
        logger.warning("the failure of job %s could not be written down yet", attempt.job.id, exc_info=True)
        connection().close()
    else:
        attempt.unrecorded = None
