"""Execution inside the jobs' process: the same worker, for a system that has no process for it alone.

`AGENT_EXECUTION=apart` says that there is one. The worker uses nothing of what surrounds it, but it could: where calls
go to services that nobody here answers for, run it apart.
"""

import asyncio
import os
import threading
from contextlib import suppress
from typing import Final

from apps.agent.execution.configuration import Configuration
from apps.agent.execution.worker import Worker
from monolith import composed
from monolith.events.brokers import broker
from monolith.jobs import Leadership

SETTING: Final = "AGENT_EXECUTION"
APART: Final = "apart"


def why_not() -> str:
    """Say why calls are not made in this process; empty when they are."""
    return (
        f"{SETTING}={APART}: a process of its own makes the calls" if os.environ.get(SETTING) == APART else ""
    )


def work(leadership: Leadership) -> None:
    """Make calls until told to stop. Raises ValueError for a bad variable."""
    configuration = Configuration.read(os.environ)
    environment = composed().environment.environment
    worker = Worker(broker(), environment=environment, configuration=configuration)
    asyncio.run(_work(worker, leadership.stopping))


async def _work(worker: Worker, stopping: threading.Event) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        stopping.wait()
        with suppress(RuntimeError):  # a worker that failed has taken its loop with it
            loop.call_soon_threadsafe(told.set)

    threading.Thread(target=tell, daemon=True).start()
    await worker.run(told)
