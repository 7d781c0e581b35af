"""The peer procrastinate: its app on its psycopg connector, the job, and its queue filled.

`jobs.py` runs `procrastinate worker` with it. The job is a coroutine, as its documentation recommends, and inserts on
a connection that is kept.
"""

import os
import sys
from typing import Final

import procrastinate
from procrastinate.types import JSONDict
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

URL: Final = os.environ["PEER_URL"]
BATCH: Final = 1_000

app: Final = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))
_pools: Final[list[AsyncConnectionPool[AsyncConnection]]] = []


async def _pool() -> AsyncConnectionPool[AsyncConnection]:
    if not _pools:
        _pools.append(
            AsyncConnectionPool(
                URL, min_size=1, max_size=10, open=False, kwargs={"autocommit": True}, check=None
            )
        )
        await _pools[0].open()
    return _pools[0]


@app.task(name="insert")
async def insert(number: int) -> None:
    """Insert one row."""
    async with (await _pool()).connection() as connection:
        await connection.execute("INSERT INTO effect (number) VALUES (%s)", [number])


def numbered(number: int) -> JSONDict:
    return {"number": number}


def fill(count: int) -> None:
    """Enqueue jobs with the numbers below `count`."""
    with app.replace_connector(procrastinate.SyncPsycopgConnector(conninfo=URL)) as filling, filling.open():
        for first in range(0, count, BATCH):
            filling.configure_task("insert").batch_defer(
                *(numbered(number) for number in range(first, min(first + BATCH, count)))
            )


if __name__ == "__main__":
    fill(int(sys.argv[1]))
