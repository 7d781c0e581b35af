"""Telling that jobs ended: JobFinished, published in the transaction that ends the job.

An event for every job would double what each costs, so most ends are told to nobody: those of tasks that have a
schedule are, those of tasks that say `announce=True`, and dead letters. And only in systems in which a module declares
`steers_jobs`, which is who may subscribe: elsewhere nobody would hear it. Jobs that hand JobFinished to a subscriber
are never announced, or a subscriber that fails would be told of its failures without end.
"""

from typing import Final

from monolith.context import current_module
from monolith.contracts.message_registry import framework_messages
from monolith.jobs.messages import MAX_ERROR, JobFinished, Outcome
from monolith.jobs.records import fetch, statement
from monolith.jobs.task import AnyTask

_FINISHED: Final = statement("finished")


def is_announced(task: AnyTask | None, *, dead: bool = False) -> bool:
    """Say whether the end of a task's job is told; `task` is None where its function is gone."""
    wanted = dead or (task is not None and (task.announce or task.timing is not None))
    return wanted and not _hands_over_an_end(task) and JobFinished in framework_messages()


def announce(job_id: int) -> None:
    """Publish that a job of the current module has ended, in the open transaction that ended it."""
    from monolith.events.publishing import publish_for_framework  # events are made of jobs

    rows = fetch(_FINISHED, id=job_id)
    for task, schedule, status, attempts, enqueued_at, started_at, finished_at, error in rows:
        event = JobFinished(
            task=task,
            module=current_module(),
            job=job_id,
            schedule=schedule,
            outcome=Outcome(status),
            attempts=attempts,
            enqueued_at=enqueued_at,
            started_at=started_at or finished_at,
            finished_at=finished_at,
            error=(error or "")[:MAX_ERROR] if status == Outcome.DEAD else "",
        )
        publish_for_framework(event)


def _hands_over_an_end(task: AnyTask | None) -> bool:
    return getattr(task, "message", None) is JobFinished
