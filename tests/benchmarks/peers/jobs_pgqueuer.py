"""The peer pgqueuer: its worker on psycopg and uvloop, the job, and its queue filled.

`work` is what `pgq run` does; that command itself does not start with the release of typer that is installed here.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import uvloop
from pgqueuer import Job, PgQueuer, PsycopgDriver, Queries, run
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

URL: Final = os.environ["PEER_URL"]
BATCH: Final = 1_000  # of an insert into the queue


@asynccontextmanager
async def create() -> AsyncIterator[PgQueuer]:
    """Give a worker: one connection for the queue, as its driver wants, and a pool for the jobs."""
    pool = AsyncConnectionPool(URL, min_size=1, max_size=10, open=False, kwargs={"autocommit": True})
    async with await AsyncConnection.connect(URL, autocommit=True) as connection, pool:
        worker = PgQueuer.from_psycopg_connection(connection)

        @worker.entrypoint("insert")
        async def insert(job: Job) -> None:
            assert job.payload is not None
            async with pool.connection() as own:
                await own.execute("INSERT INTO effect (number) VALUES (%s)", [int(job.payload)])

        yield worker


async def fill(count: int) -> None:
    """Enqueue jobs with the numbers below `count`."""
    async with await AsyncConnection.connect(URL, autocommit=True) as connection:
        queries = Queries(PsycopgDriver(connection))
        for first in range(0, count, BATCH):
            numbers = range(first, min(first + BATCH, count))
            await queries.enqueue(
                ["insert"] * len(numbers), [str(number).encode() for number in numbers], [0] * len(numbers)
            )


if __name__ == "__main__":
    if sys.argv[1] == "work":
        uvloop.run(run(create))
    else:
        asyncio.run(fill(int(sys.argv[1])))
