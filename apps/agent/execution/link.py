"""The broker, for code that must not wait for it: each call in a thread."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from apps.agent.module import module
from monolith.events.broker import Broker, Delivery, Outgoing, Reader

(CONSUMER,) = module.consumers
THREADS: Final = 16


class Link:
    """One worker's way to the broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="broker")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="reader")  # a reader is one thread's

    async def converge(self) -> None:
        """Make the consumer that keeps orders until they were dealt with. Raises BrokerError."""
        await self._run(lambda: self._broker.converge({CONSUMER.name: CONSUMER.types}))

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        """Append messages; returns how many are kept. Raises BrokerError."""
        return await self._run(lambda: self._broker.publish(messages))

    async def claim(self, name: str, holder: str, ttl: timedelta) -> str:
        """Take a name, and return whose it is. Raises BrokerError."""
        return await self._run(lambda: self._broker.claim(name, holder=holder, ttl=ttl))

    async def release(self, name: str, holder: str) -> None:
        """Let go of a name. Raises BrokerError."""
        await self._run(lambda: self._broker.release(name, holder=holder))

    async def open(self, after: int) -> Reader:
        """Return a reader that goes on after a position. Raises BrokerError and OutOfStep."""

        def begin() -> Reader:
            reader = self._broker.reader(CONSUMER.name)
            reader.start_after(after)
            return reader

        return await self._read(begin)

    async def fetch(self, reader: Reader, *, settled: int, limit: int, wait_s: float) -> Sequence[Delivery]:
        """Acknowledge what is settled and return what comes next. Raises BrokerError and OutOfStep."""

        def step() -> Sequence[Delivery]:
            reader.acknowledge(settled)
            return reader.fetch(limit=limit, wait_s=wait_s) if limit else ()

        return await self._read(step)

    async def close(self, reader: Reader, *, settled: int) -> None:
        """Acknowledge what is settled and stop reading."""

        def end() -> None:
            reader.acknowledge(settled)
            reader.close()

        await self._read(end)

    def shut(self) -> None:
        """Let go of the broker."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._reading.shutdown(wait=False, cancel_futures=True)
        self._broker.close()

    async def _run[T](self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def _read[T](self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, function)
