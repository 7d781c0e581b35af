"""How long jobs that ended are kept. Forgetting them is a job too, of each module."""

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, Final

from monolith.composition import composed
from monolith.jobs.records import statement
from monolith.jobs.task import task
from monolith.models import Job
from monolith.transactions import connection

DAY_S: Final = 86_400.0
ENDED: Final = (Job.Status.SUCCEEDED, Job.Status.DISCARDED)
DEAD: Final = (Job.Status.DEAD,)
KEEP_ALL_ROWS: Final = 2**63 - 1
BATCH: Final = 5_000  # rows per statement; more take fewer statements, and hold their locks longer
BUDGET_S: Final = 60.0  # what is left then waits for the next hour
LIMIT_S: Final = 120  # twice the budget: the last batch may be slow

_UNTIL: Final = statement("forget_until")
_FORGET: Final = statement("forget_ended")


@task(
    time_limit_s=LIMIT_S,
    transaction=False,  # one transaction per batch
    priority=-10,  # after the module's own work
    dedupe_key="forget_old",
    every=timedelta(hours=1),
    jitter=timedelta(minutes=5),
)
def forget_old() -> int:
    """Delete the jobs of the current module that are kept no longer; return how many.

    The limits are in the environment: MONOLITH_JOBS_KEEP_DAYS, MONOLITH_JOBS_KEEP_DEAD_DAYS, MONOLITH_JOBS_KEEP_ROWS.
    """
    environment = composed().environment
    until = monotonic() + BUDGET_S
    rows = environment.jobs_keep_rows
    ended = forget(ENDED, keep_s=environment.jobs_keep_days * DAY_S, keep_rows=rows, until=until)
    return ended + forget(DEAD, keep_s=environment.jobs_keep_dead_days * DAY_S, keep_rows=rows, until=until)


def forget(
    statuses: Sequence[str],
    *,
    keep_s: float,
    until: float,
    keep_rows: int = KEEP_ALL_ROWS,
    task_path: str = "",
) -> int:
    """Delete jobs of the current module that ended longer ago than `keep_s`, or before the newest `keep_rows`.

    In batches, none after `until` of time.monotonic(); `task_path` narrows it to one task. Returns how many.
    """
    given: dict[str, Any] = {
        "statuses": list(statuses),
        "task": task_path,
        "from": None,
        "limit": BATCH,
        "keep_s": keep_s,
    }
    forgotten = 0
    with connection().cursor() as cursor:
        cursor.execute(_UNTIL, {"statuses": list(statuses), "keep_s": keep_s, "keep_rows": keep_rows})
        (given["until"],) = cursor.fetchone()
        while monotonic() < until:
            cursor.execute(_FORGET, given)
            count, given["from"] = cursor.fetchone()
            forgotten += count
            if count < BATCH:
                break
    return forgotten
