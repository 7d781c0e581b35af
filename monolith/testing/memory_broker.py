"""A broker in the memory of one process, for tests: the same seam, and no server.

It does what the conformance suite asks of every broker, but for what takes processes or a server that restarts.
"""

import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from monolith.environment import BROKER_MAX_BYTES
from monolith.events.broker import Broker, Delivery, Outgoing, Reader
from monolith.events.errors import BrokerFull, BrokerRefused, OutOfStep

_CONVERGE: Final = "`manage.py events converge` makes it, in a test broker.converge()"


@dataclass(slots=True)
class _Consumer:
    types: frozenset[str]
    acknowledged: int = 0
    sessions: int = 0  # readers that began; the last one reads


@dataclass(frozen=True, slots=True)
class _Kept:
    position: int
    message: Outgoing


@dataclass(slots=True)
class MemoryBroker:
    """Keeps messages until every consumer that wants them has acknowledged them."""

    max_bytes: int = BROKER_MAX_BYTES
    stream: str = field(default_factory=lambda: f"memory:{uuid4()}")
    taken: dict[UUID, Outgoing] = field(default_factory=dict)
    """All that was ever confirmed, in order, also what is not kept any more: for tests to look at."""
    _log: dict[UUID, _Kept] = field(default_factory=dict)
    _end: int = 0
    _is_made: bool = False
    _consumers: dict[str, _Consumer] = field(default_factory=dict)
    _claims: dict[str, tuple[str, float]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def converge(self, consumers: Mapping[str, Sequence[str]], *, narrow: bool = False) -> None:
        with self._changed:
            self._is_made = True
            for name, types in consumers.items():
                found = self._consumers.setdefault(name, _Consumer(frozenset()))
                found.types = frozenset(types) if narrow else found.types | frozenset(types)
                if not found.types:
                    del self._consumers[name]
            self._forget()

    def publish(self, messages: Sequence[Outgoing]) -> int:
        with self._changed:
            if not self._is_made:
                raise BrokerRefused(f"the broker has no log; {_CONVERGE}")
            kept = list(itertools.takewhile(self._take, messages))
            self.taken |= {message.id: message for message in kept}
            self._changed.notify_all()
        if messages and not kept:
            raise BrokerFull(
                f"the broker in memory holds as much as it may ({self.max_bytes:,} bytes, as "
                "MONOLITH_BROKER_MAX_BYTES bounds others); it takes more when consumers have caught up"
            )
        return len(kept)

    def reader(self, consumer: str) -> Reader:
        with self._changed:
            self._consumer(consumer)
        return _MemoryReader(self, consumer)

    def consumers(self) -> Sequence[str]:
        with self._changed:
            return sorted(self._consumers)

    def backlog(self, consumer: str) -> int:
        with self._changed:
            mine = self._consumer(consumer)
            return sum(_waits(mine, kept) for kept in self._log.values())

    def claim(self, name: str, *, holder: str, ttl: timedelta | None = None) -> str:
        with self._changed:
            owner, until = self._claims.get(name, ("", 0.0))
            if owner in ("", holder) or until <= time.monotonic():
                ends = float("inf") if ttl is None else time.monotonic() + ttl.total_seconds()
                self._claims[name] = (holder, ends)
                return holder
            return owner

    def release(self, name: str, *, holder: str) -> None:
        with self._changed:
            if self._claims.get(name, ("", 0.0))[0] == holder:
                del self._claims[name]

    def close(self) -> None:
        return None

    def _consumer(self, name: str) -> _Consumer:
        if (found := self._consumers.get(name)) is None:
            raise BrokerRefused(f"the broker has no consumer '{name}'; {_CONVERGE}")
        return found

    def _take(self, message: Outgoing) -> bool:
        """Keep a message that somebody wants; returns whether there was room for it."""
        if message.id in self._log or not self._is_wanted(message):
            return True
        if sum(len(kept.message.body) for kept in self._log.values()) + len(message.body) > self.max_bytes:
            return False
        self._end += 1
        self._log[message.id] = _Kept(self._end, message)
        return True

    def _is_wanted(self, message: Outgoing) -> bool:
        return any(message.type in consumer.types for consumer in self._consumers.values())

    def _forget(self) -> None:
        self._log = {
            id_: kept
            for id_, kept in self._log.items()
            if any(_waits(consumer, kept) for consumer in self._consumers.values())
        }


def _waits(consumer: _Consumer, kept: _Kept) -> bool:
    return kept.message.type in consumer.types and kept.position > consumer.acknowledged


class _MemoryReader:
    def __init__(self, broker: MemoryBroker, consumer: str) -> None:
        self._broker = broker
        self._consumer = consumer
        self._session = 0
        self._after = 0

    @property
    def stream(self) -> str:
        return self._broker.stream

    def start_after(self, position: int) -> None:
        with self._broker._changed:
            mine = self._broker._consumer(self._consumer)
            if position > self._broker._end:
                raise BrokerRefused(
                    f"'{self._consumer}' has read up to {position:,}, and the log ends at {self._broker._end:,}: "
                    "begin at a position that its own reader gave"
                )
            mine.sessions += 1
            self._session = mine.sessions
            self._after = position

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Delivery]:
        broker = self._broker
        with broker._changed:
            broker._changed.wait_for(lambda: bool(self._next(1)), wait_s)
            found = self._next(limit)
            if found:
                self._after = found[-1].position
            return [Delivery(kept.position, kept.message.body, kept.message.type) for kept in found]

    def acknowledge(self, position: int) -> None:
        with self._broker._changed:
            mine = self._broker._consumer(self._consumer)
            mine.acknowledged = max(mine.acknowledged, position)
            self._broker._forget()

    def close(self) -> None:
        self._session = 0

    def _next(self, limit: int) -> list[_Kept]:
        mine = self._broker._consumer(self._consumer)
        if not self._session:
            raise OutOfStep(f"the reader of '{self._consumer}' has not begun; call start_after()")
        if mine.sessions != self._session:
            self._session = 0
            raise OutOfStep(f"another reader reads as '{self._consumer}'; call start_after()")
        wanted = (
            kept
            for kept in self._broker._log.values()
            if kept.position > self._after and kept.message.type in mine.types
        )
        return list(itertools.islice(wanted, limit))


_: type[Broker] = MemoryBroker
