"""The rows of jobs, read and written as the current module; the statements stand in `queries`.

A function that writes for a holder of a job says whether it still was the holder.
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg

from monolith.transactions import connection

_QUERIES: Final = files("monolith.jobs") / "queries"


def statement(name: str) -> str:
    """Return the text of a query by the name of its file."""
    return (_QUERIES / f"{name}.sql").read_text()


_ENQUEUE: Final = statement("enqueue")
_CLAIM: Final = statement("claim")
_START: Final = statement("start")
_SUCCEED: Final = statement("succeed")
_FAIL: Final = statement("fail")
_GIVE_BACK: Final = statement("give_back")
_INTERRUPT: Final = statement("interrupt")
_POSTPONE: Final = statement("postpone")
_BLOCK: Final = statement("block")
_UNBLOCK: Final = statement("unblock")
_UNBLOCK_FREE: Final = statement("unblock_free")
_LOCK_ORDER: Final = statement("lock_order")
_UNBLOCK_ORDERED: Final = statement("unblock_ordered")
_UNBLOCK_ORDERED_FREE: Final = statement("unblock_ordered_free")
_HOLD: Final = statement("hold")
_LET_GO: Final = statement("let_go")
_SWITCH: Final = statement("switch")
_SWITCHED_OFF: Final = statement("switched_off")
_PROMOTE: Final = statement("promote")
_NEXT_DUE: Final = statement("next_due")
_EXPIRED: Final = statement("expired")
_LEFT_BEHIND: Final = statement("left_behind")
_RENEW: Final = statement("renew")
_LIGHTEN: Final = statement("lighten")
_SUCCEED_AND_START: Final = statement("succeed_and_start")

PLANS_KEPT_S: Final = 1.0
_planned: Final[WeakKeyDictionary[psycopg.Connection[Any], float]] = WeakKeyDictionary()
"""When the plans of a connection were last dropped, of time.monotonic()."""

CLAIM_S: Final = 2.0  # how long a claimed job may wait for its start before others may claim it


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that one worker may start; it has lost it once the row's fence is another."""

    module: str
    id: int
    fence: int
    task: str
    arguments: Mapping[str, Any]
    travels: Mapping[str, str]
    priority: int
    heavy: bool
    dedupe_key: str
    concurrency_key: str
    attempts: int  # begun before this one
    ordered: bool  # only the first of its concurrency key may run
    is_started: bool = False  # by the statement that claimed it

    @property
    def begun(self) -> int:
        return self.attempts + 1


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A running job whose process is gone."""

    id: int
    fence: int
    task: str
    concurrency_key: str
    worker: str
    begun: int  # attempts, this one included
    ordered: bool


def fetch(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Execute a statement as the current module; return its rows, none where it has no result."""
    with connection().cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def fetch_each(*statements: tuple[str, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """Execute statements in their order and in one round trip, as the current module; return the rows of each.

    To be used in a transaction: each is executed, whatever the one before has found. Raises when one fails.
    """
    database = connection()
    database.ensure_connection()
    with ExitStack() as stack, database.wrap_database_errors:
        with database.connection.pipeline():
            cursors = [stack.enter_context(database.cursor()) for _ in statements]
            for cursor, (sql, parameters) in zip(cursors, statements, strict=True):
                cursor.execute(sql, parameters)
        return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def plan_anew() -> None:
    """Drop the plans that the current module's connection keeps for prepared statements, once in PLANS_KEPT_S.

    A plan that was made while a table was small reads all of it: fine until 100,000 jobs come at once, and then kept
    until the table is next analysed. Planning each of them each time takes longer than executing it.
    """
    database = connection()
    database.ensure_connection()
    now = time.monotonic()
    if now < _planned.get(database.connection, 0.0) + PLANS_KEPT_S:
        return
    _planned[database.connection] = now
    with database.wrap_database_errors:
        # A guarded cursor lets nothing through that changes a session; this changes no answer.
        psycopg.Cursor(database.connection).execute("DISCARD PLANS", prepare=False)


def enqueue(
    *,
    module: str,
    task: str,
    arguments: Mapping[str, Any],
    travels: Mapping[str, str],
    queue: str,
    priority: int,
    heavy: bool,
    run_after: datetime | None,
    dedupe_key: str,
    concurrency_key: str,
) -> int:
    """Keep a job and return its id; that of an equal one that waits for its start, where there is one."""
    parameters = {
        "module": module,
        "task": task,
        "arguments": json.dumps(arguments),
        "travels": json.dumps(travels),
        "queue": queue,
        "priority": priority,
        "heavy": heavy,
        "run_after": run_after,
        "dedupe_key": dedupe_key,
        "concurrency_key": concurrency_key,
    }
    return int(fetch(_ENQUEUE, **parameters)[0][0])


def claim(module: str, *, limit: int, heavy: bool) -> list[Claimed]:
    """Keep up to `limit` ready jobs of the current module for CLAIM_S, the most urgent first."""
    return claim_and_start(module, limit=limit, heavy=heavy, leases={}, worker="")


def claim_and_start(
    module: str, *, limit: int, heavy: bool, leases: Mapping[str, int], worker: str
) -> list[Claimed]:
    """Keep up to `limit` ready jobs as `claim` does, and begin the first if its task's lease is given.

    Raises IntegrityError, and claims nothing, when another job runs that has its concurrency key.
    """
    plan_anew()
    rows = fetch(_CLAIM, limit=limit, heavy=heavy, claim_s=CLAIM_S, leases=json.dumps(leases), worker=worker)
    claimed = [
        Claimed(module, row[0], row[1], row[2], json.loads(row[3]), json.loads(row[4]), *row[5:])
        for row in rows
    ]
    return sorted(claimed, key=lambda job: (-job.priority, job.id))


def start(job: Claimed, *, lease_s: int, worker: str) -> bool:
    """Begin an attempt of a claimed job. Raises IntegrityError when its concurrency key is taken."""
    return bool(fetch(_START, id=job.id, fence=job.fence, lease_s=lease_s, worker=worker))


def succeed(job: Claimed, result: str) -> bool:
    """End a running job with its result as JSON text, and let the next of its order go on."""
    return bool(_ending(job, _SUCCEED, {"id": job.id, "fence": job.fence, "result": result}))


def _ending(job: Claimed, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    if not job.ordered:
        return fetch(sql, **values)
    following = (_UNBLOCK_ORDERED, {"concurrency_key": job.concurrency_key})
    return fetch_each((sql, values), following)[0]


def succeed_and_start(
    job: Claimed, result: str, *, following: Claimed, lease_s: int, worker: str
) -> tuple[bool, bool]:
    """End a running job and begin `following`; returns whether each of them was ours to do."""
    values = {
        "id": job.id,
        "fence": job.fence,
        "result": result,
        "next_id": following.id,
        "next_fence": following.fence,
        "lease_s": lease_s,
        "worker": worker,
    }
    rows = _ending(job, _SUCCEED_AND_START, values)
    ended, started, _lanes = rows[0]
    return ended, started


def fail(
    job: Claimed | Abandoned, *, attempts: int, pause_s: float, error: Mapping[str, str], skip: bool = False
) -> str | None:
    """End a running job's attempt with an error; returns its status then, None when it was no longer ours.

    A dead ordered job parks its key, unless it is to be skipped.
    """
    rows = fetch(
        _FAIL,
        id=job.id,
        fence=job.fence,
        attempts=attempts,
        pause_s=pause_s,
        error=json.dumps(error),
        skip=skip,
    )
    return rows[0][0] if rows else None


def give_back(jobs: Sequence[Claimed]) -> None:
    """Let go of claimed jobs that were not started."""
    if jobs:
        fetch(_GIVE_BACK, ids=[job.id for job in jobs], fences=[job.fence for job in jobs])


def interrupt(job: Claimed | Abandoned) -> bool:
    """Hand a running job back; the attempt does not count."""
    return bool(fetch(_INTERRUPT, id=job.id, fence=job.fence))


def postpone(job: Claimed, *, pause_s: float) -> None:
    """Put a claimed job off."""
    fetch(_POSTPONE, id=job.id, fence=job.fence, pause_s=pause_s)


def block(job: Claimed) -> None:
    """Park a claimed job until its concurrency key is free."""
    fetch(_BLOCK, id=job.id, fence=job.fence)


def unblock(concurrency_key: str) -> None:
    """Let the next job of a key go on."""
    fetch(_UNBLOCK, concurrency_key=concurrency_key)


def lock_order(concurrency_key: str) -> None:
    """Take the lock of an ordered key until the open transaction ends."""
    fetch(_LOCK_ORDER, concurrency_key=concurrency_key)


def unblock_ordered(concurrency_key: str) -> None:
    """Let the next job of an ordered key go on; in the transaction that ended the one before."""
    fetch(_UNBLOCK_ORDERED, concurrency_key=concurrency_key)


def unblock_ordered_free() -> int:
    """Let the first job of every ordered key go on that nothing is before; returns how many."""
    return len(fetch(_UNBLOCK_ORDERED_FREE))


def hold(limit: int) -> int:
    """Put jobs aside that are ready and whose task is switched off; returns how many."""
    return len(fetch(_HOLD, limit=limit))


def let_go(limit: int) -> int:
    """Make ready what was put aside and is no longer switched off; returns how many."""
    return len(fetch(_LET_GO, limit=limit))


def switch(name: str, *, on: bool) -> None:
    """Switch a task of the current module on or off."""
    fetch(_SWITCH, name=name, is_on=on)


def switched_off() -> list[str]:
    """Return the tasks of the current module that are switched off."""
    return [name for (name,) in fetch(_SWITCHED_OFF)]


def unblock_free() -> int:
    """Let one job go on of every key that nothing holds; returns how many."""
    return len(fetch(_UNBLOCK_FREE))


def promote(limit: int) -> int:
    """Make jobs ready whose time has come; returns how many."""
    return len(fetch(_PROMOTE, limit=limit))


def next_due_s() -> float | None:
    """Return the seconds until a job is due that waits for its time; None when none does."""
    seconds: float | None = fetch(_NEXT_DUE)[0][0]
    return seconds


def expired(limit: int) -> list[Abandoned]:
    """Lock and return running jobs whose lease is over; to be used in a transaction."""
    return [Abandoned(*row) for row in fetch(_EXPIRED, limit=limit)]


def left_behind(worker: str) -> list[Abandoned]:
    """Lock and return the running jobs of a worker that is gone; to be used in a transaction."""
    return [Abandoned(*row) for row in fetch(_LEFT_BEHIND, worker=worker)]


def renew(job_id: int, fence: int, *, lease_s: float) -> bool:
    """Extend a running job's lease."""
    return bool(fetch(_RENEW, id=job_id, fence=fence, lease_s=lease_s))


def lighten(heavy: Sequence[str]) -> None:
    """Take the mark of being heavy from unfinished jobs of all tasks but these."""
    fetch(_LIGHTEN, heavy=list(heavy))
