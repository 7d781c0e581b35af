"""A broker in the memory of one process, for tests: the same seam, the same conformance suite, no server."""

import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from monolith.events.broker import Broker, Delivery, Outgoing, Reader
from monolith.events.errors import BrokerFull, BrokerRefused, OutOfStep


@dataclass(slots=True)
class _Consumer:
    types: frozenset[str]
    acknowledged: int = 0
    sessions: int = 0  # readers that began; the last one reads
    given: int = 0  # the position that the last one got


@dataclass(frozen=True, slots=True)
class _Kept:
    position: int
    message: Outgoing


@dataclass(slots=True)
class MemoryBroker:
    """Keeps messages until every consumer that wants them has acknowledged them."""

    max_bytes: int = 1_073_741_824
    name: str = "memory"
    stream: str = field(default_factory=lambda: f"memory:{uuid4()}")
    _log: list[_Kept] = field(default_factory=list)
    _known: set[UUID] = field(default_factory=set)
    _consumers: dict[str, _Consumer] = field(default_factory=dict)
    _claims: dict[str, tuple[str, float]] = field(default_factory=dict)
    _positions: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def converge(self, consumers: Mapping[str, Sequence[str]], *, narrow: bool = False) -> None:
        with self._changed:
            for name, types in consumers.items():
                known = self._consumers.setdefault(name, _Consumer(frozenset()))
                known.types = frozenset(types) if narrow else known.types | frozenset(types)

    def publish(self, messages: Sequence[Outgoing]) -> int:
        with self._changed:
            kept = 0
            for message in messages:
                if message.id not in self._known and self._is_wanted(message):
                    if self._size() + len(message.body) > self.max_bytes:
                        break
                    self._log.append(_Kept(next(self._positions), message))
                self._known.add(message.id)
                kept += 1
            self._changed.notify_all()
        if messages and not kept:
            raise BrokerFull(f"the broker holds {self.max_bytes} bytes and no more")
        return kept

    def reader(self, consumer: str) -> Reader:
        if consumer not in self._consumers:
            raise BrokerRefused(f"the broker has no consumer {consumer!r}; converge() makes it")
        return _MemoryReader(self, consumer)

    def backlog(self, consumer: str) -> int:
        with self._changed:
            mine = self._consumers[consumer]
            return sum(self._wants(mine, kept) for kept in self._log)

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

    def _is_wanted(self, message: Outgoing) -> bool:
        return any(message.type in consumer.types for consumer in self._consumers.values())

    def _wants(self, consumer: _Consumer, kept: _Kept) -> bool:
        return kept.message.type in consumer.types and kept.position > consumer.acknowledged

    def _size(self) -> int:
        return sum(len(kept.message.body) for kept in self._log)

    def _forget(self) -> None:
        self._log = [
            kept
            for kept in self._log
            if any(self._wants(consumer, kept) for consumer in self._consumers.values())
        ]


class _MemoryReader:
    def __init__(self, broker: MemoryBroker, consumer: str) -> None:
        self._broker = broker
        self._consumer = consumer
        self._session = 0

    @property
    def stream(self) -> str:
        return self._broker.stream

    def start_after(self, position: int) -> None:
        with self._broker._changed:
            mine = self._broker._consumers[self._consumer]
            mine.sessions += 1
            self._session = mine.sessions
            mine.given = position

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Delivery]:
        broker = self._broker
        with broker._changed:
            broker._changed.wait_for(lambda: bool(self._next(1)), wait_s)
            found = self._next(limit)
            if found:
                broker._consumers[self._consumer].given = found[-1].position
            return [Delivery(kept.position, kept.message.body) for kept in found]

    def acknowledge(self, position: int) -> None:
        with self._broker._changed:
            mine = self._broker._consumers[self._consumer]
            mine.acknowledged = max(mine.acknowledged, position)
            self._broker._forget()

    def close(self) -> None:
        return None

    def _next(self, limit: int) -> list[_Kept]:
        mine = self._broker._consumers[self._consumer]
        if mine.sessions != self._session:
            raise OutOfStep(f"another reader reads as {self._consumer}")
        wanted = (
            kept
            for kept in self._broker._log
            if kept.position > mine.given and kept.message.type in mine.types
        )
        return list(itertools.islice(wanted, limit))


_: type[Broker] = MemoryBroker
