"""Which of several workers reads: the one that claimed it, for as long as it renews its claim in time."""

import asyncio
import logging
import time
from datetime import timedelta
from typing import Final

from apps.agent.execution.link import Link
from monolith.events.errors import BrokerError

logger = logging.getLogger("agent.execution")

NAME: Final = "agent.execution"
TTL_S: Final = 10.0  # how long a worker that died is waited for
RENEW_S: Final = TTL_S / 4
LOOK_S: Final = 1.0  # how often the others look
SAFE_S: Final = TTL_S * 0.6  # not renewed for so long: another may soon lead


class Lead:
    """One worker's lead."""

    def __init__(self, link: Link, run: str) -> None:
        self._link = link
        self._run = run
        self._renewed_at = float("-inf")

    @property
    def is_held(self) -> bool:
        """Whether nobody else can lead now."""
        return time.monotonic() - self._renewed_at < SAFE_S

    async def keep(self) -> None:
        """Try to lead, and to go on leading, until cancelled; then let go."""
        try:
            while True:
                was_held = self.is_held
                await self._claim()
                if self.is_held != was_held:
                    logger.info("%s %s", self._run, "leads" if self.is_held else "does not lead any more")
                await asyncio.sleep(RENEW_S if self.is_held else LOOK_S)
        finally:
            await asyncio.shield(self._let_go())

    async def _claim(self) -> None:
        asked_at = time.monotonic()
        try:
            holder = await self._link.claim(NAME, self._run, timedelta(seconds=TTL_S))
        except BrokerError as error:
            logger.warning("cannot claim the lead: %s", error)
            return
        self._renewed_at = asked_at if holder == self._run else float("-inf")

    async def _let_go(self) -> None:
        self._renewed_at = float("-inf")
        try:
            await self._link.release(NAME, self._run)
        except BrokerError as error:
            logger.info("the lead ends by itself: %s", error)
