"""What a process that is one of our modules measures for `jobs.py`; prints one JSON object.

Runs in the generated project, on connections as workers have them.
"""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import django

LATENCIES: Final = 60
PAUSE_S: Final = (0.05, 0.3)  # between two jobs of an idle system, drawn at random
ENQUEUED: Final = 200  # of a round
ENQUEUE_ROUNDS: Final = 9
CLAIMS: Final = 60

SAME_ROW: Final = """
INSERT INTO monolith_job
    (task, arguments, travels, queue, priority, heavy, status, due_at, dedupe_key, concurrency_key)
VALUES (%s, %s, %s, 'default', 0, false, 'ready', now(), '', '')
RETURNING id
"""
LATENCY: Final = """
SELECT extract(epoch FROM job.started_at - job.enqueued_at)::float8 * 1000,
    extract(epoch FROM effect.at - job.enqueued_at)::float8 * 1000
FROM monolith_job AS job JOIN effect ON effect.number = (job.arguments -> 'args' ->> 0)::integer
"""


def latency(module: str) -> dict[str, Any]:
    """Enqueue one job at a time; returns milliseconds from its enqueuing to its start and to its row."""
    from monolith import connection, entering

    insert = import_module(f"modules.{module}.tasks").insert
    with entering(module):
        for number in range(LATENCIES):
            time.sleep(random.uniform(*PAUSE_S))
            insert.enqueue(number)
        time.sleep(1.0)
        with connection().cursor() as cursor:
            cursor.execute(LATENCY)
            rows = cursor.fetchall()
    if len(rows) != LATENCIES:
        raise SystemExit(f"{len(rows)} of {LATENCIES} jobs have run")
    return {"started": [row[0] for row in rows], "effect": [row[1] for row in rows]}


def enqueue(module: str) -> dict[str, Any]:
    """Return what enqueuing costs against a bare INSERT of the same row, one commit each and one for all."""
    from monolith import atomic, connection, entering

    insert = import_module(f"modules.{module}.tasks").insert
    arguments = json.dumps({"args": [1], "kwargs": {}})

    def bare() -> None:
        with connection().cursor() as cursor:
            cursor.execute(SAME_ROW, [insert.module_path, arguments, "{}"])
            cursor.fetchone()

    def seconds(work: Callable[[], object]) -> float:
        started = time.perf_counter()
        for _ in range(ENQUEUED):
            work()
        return (time.perf_counter() - started) / ENQUEUED

    def in_one(work: Callable[[], object]) -> float:
        with atomic():
            return seconds(work)

    found: dict[str, list[tuple[float, float]]] = {"a commit each": [], "in one transaction": []}
    with entering(module):
        for _ in range(ENQUEUE_ROUNDS):
            found["a commit each"].append((seconds(bare), seconds(lambda: insert.enqueue(1))))
            found["in one transaction"].append((in_one(bare), in_one(lambda: insert.enqueue(1))))
    return {
        name: {
            "bare_ms": statistics.median(row[0] for row in rows[1:]) * 1e3,
            "enqueue_ms": statistics.median(row[1] for row in rows[1:]) * 1e3,
            "ratio": statistics.median(row[1] / row[0] for row in rows[1:]),
        }
        for name, rows in found.items()
    }


def claim(full: str, empty: str) -> dict[str, Any]:
    """Return milliseconds of a claim in two modules, taken in turns, by the number of jobs that a claim asks for."""
    from monolith import atomic, entering
    from monolith.jobs import records
    from monolith.jobs.worker import BATCH

    def once(module: str, limit: int) -> float:
        # Committed, as a worker does, but without the wait for the disk in what is measured.
        with entering(module), atomic():
            started = time.perf_counter()
            claimed = records.claim(module, limit=limit, heavy=False)
            taken = time.perf_counter() - started
        if len(claimed) != limit:
            raise SystemExit(f"a claim of {limit} jobs of {module} got {len(claimed)}")
        return taken * 1e3

    found: dict[str, Any] = {}
    for limit in (1, BATCH):
        for module in (full, empty):  # until statements are prepared
            for _ in range(10):
                once(module, limit)
        pairs = [(once(full, limit), once(empty, limit)) for _ in range(CLAIMS)]
        found[str(limit)] = {
            "full_ms": statistics.median(pair[0] for pair in pairs),
            "empty_ms": statistics.median(pair[1] for pair in pairs),
            "ratio": statistics.median(pair[0] / pair[1] for pair in pairs),
        }
    return found


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings.private"
    django.setup()
    from monolith.jobs.cluster import use_plain_connections

    use_plain_connections()
    measures: dict[str, Callable[..., dict[str, Any]]] = {
        "latency": latency,
        "enqueue": enqueue,
        "claim": claim,
    }
    print(json.dumps(measures[sys.argv[1]](*sys.argv[2:])))
