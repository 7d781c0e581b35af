"""Saying things to the broker until it has them, many at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from monolith.events.broker import Outgoing
from monolith.events.errors import BrokerError

logger = logging.getLogger("agent.execution")

BATCH: Final = 200
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

type Publish = Callable[[Sequence[Outgoing]], Awaitable[int]]


class Publisher:
    """Publishes what is said, in the order of saying, with as few round trips as it comes in."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._waiting: asyncio.Queue[tuple[Outgoing, asyncio.Future[None]]] = asyncio.Queue()

    async def say(self, message: Outgoing) -> None:
        """Return once the broker keeps a message, however long it is away."""
        kept = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((message, kept))
        await kept

    async def run(self) -> None:
        """Publish until cancelled."""
        batch: list[tuple[Outgoing, asyncio.Future[None]]] = []
        pause_s = FIRST_PAUSE_S
        while True:
            if not batch:
                batch.append(await self._waiting.get())
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                count = await self._publish([message for message, _ in batch])
            except BrokerError as error:
                count = 0
                logger.warning("messages wait: %s", error)
            for _, kept in batch[:count]:
                if not kept.done():
                    kept.set_result(None)
            del batch[:count]
            if batch and not count:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                pause_s = FIRST_PAUSE_S
