"""Contract calls from code that is async."""

import asyncio
from collections.abc import Callable

from django.db import connections


async def acall[**P, R](operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Make a contract call without blocking the event loop: `await acall(require(Stars).sun_times, days=days)`.

    It runs in a thread, with this task's module, deadline and trace. When the task is cancelled it stops waiting at
    once; the call itself ends at its deadline, and a command operation may have happened.
    """

    def call() -> R:
        try:
            return operation(*args, **kwargs)
        finally:
            connections.close_all()  # the thread is the loop's, and would keep them

    return await asyncio.to_thread(call)
