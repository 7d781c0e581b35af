"""A call's progress on its way to the client: from the tool's thread to the loop, and nothing after the end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

type News = tuple[float, float | None, str | None]
FLUSH_S: Final = 1.0  # for what was reported last, before the result goes out


class Telling:
    """Sends a call's progress. What comes faster than the client takes it is left out, but for the newest."""

    def __init__(self, send: Callable[[float, float | None, str | None], Awaitable[None]]) -> None:
        """Make it, on the loop."""
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._news: News | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    def tell(self, done: float, total: float | None, message: str) -> None:
        """Let the client know; from any thread, and without waiting for it."""
        with suppress(RuntimeError):  # the loop has ended with its process
            self._loop.call_soon_threadsafe(self._put, (done, total, message or None))

    def _put(self, news: News) -> None:
        if self._is_over:
            return
        self._news = news
        if self._task is None:
            self._task = asyncio.create_task(self._send_newest())

    async def _send_newest(self) -> None:
        try:
            while self._news is not None:
                news, self._news = self._news, None
                await self._send(*news)
        finally:
            self._task = None

    async def finish(self) -> None:
        """Send what was reported last, and nothing from then on."""
        self._is_over = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=FLUSH_S)
        self.stop()

    def stop(self) -> None:
        """Send nothing more."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()
