"""A module's way through a NATS stream, by its durable consumer.

A session begins with a reset of the consumer to a position. From there the server counts what it hands out (the
consumer sequence), so that a reader sees at once when something went to another, was lost with a connection, or is of
an older session. Whatever is odd ends the session with OutOfStep; the next one begins at the caller's position.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final

from nats.aio.msg import Msg

from monolith.events.broker import Delivery, tell_of_gap
from monolith.events.brokers.nats_connection import NatsConnection
from monolith.events.brokers.nats_streams import Names, consumer_info
from monolith.events.errors import BrokerError, BrokerRefused, BrokerUnavailable, OutOfStep

_PULL_S: Final = 30  # how long the server may answer one request for messages
_HEARTBEAT_S: Final = 1  # how often it says that it still does, and where the consumer stands
_SILENCE_S: Final = 15 * _HEARTBEAT_S
_PULL_BYTES: Final = (
    8 * 1024 * 1024
)  # of the messages of one request; with their number this bounds what a reader holds
_HEARTBEAT: Final = "100"
_ENDED: Final = {"404", "408"}  # nothing there, or the time is over
_COMPLETED: Final = {"Batch Completed", "Message Size Exceeds MaxBytes"}  # descriptions of status 409
_SHORT_ACK: Final = (
    9  # tokens of $JS.ACK.<stream>.<consumer>.…; the longer form has the domain and account before it
)


class _Session:
    """What one reader got since one reset. The connection's thread fills it, the reader's thread empties it."""

    def __init__(self, connection: NatsConnection, names: Names, consumer: str, position: int) -> None:
        self.connection = connection
        self.changed = threading.Condition()
        self.ready: deque[tuple[Delivery, str]] = deque()
        self.asked = 0  # messages that the server may still send
        self.fault = ""
        self._prefix = names.subject("")
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{names.stream}.{consumer}"
        self._position = position
        self._sequence = 0
        self._heard = time.monotonic()
        self._requests = count(1)
        self._subscription: Any = None

    async def open(self) -> None:
        self._inbox, self._subscription = await self.connection.subscribe(self._take)
        self.connection.losses.add(self._lost)

    async def pull(self, number: int) -> None:
        question = {
            "batch": number,
            "expires": _PULL_S * 1_000_000_000,
            "idle_heartbeat": _HEARTBEAT_S * 1_000_000_000,
            "max_bytes": _PULL_BYTES,
        }
        try:
            await self.connection.publish(
                self._next, json.dumps(question).encode(), reply=f"{self._inbox}.{next(self._requests)}"
            )
        except BrokerUnavailable as error:
            self.fail(str(error))

    async def close(self) -> None:
        self.fail("the reader was closed")
        self.connection.losses.discard(self._lost)
        await self._leave()

    def fail(self, reason: str) -> None:
        with self.changed:
            self.fault = self.fault or reason
            self.ready.clear()
            self.changed.notify_all()

    def ask(self, number: int) -> None:
        """Count on `number` more messages; to be called with `changed` held, and pull() after it."""
        self.asked += number
        self._heard = time.monotonic()

    def silent(self) -> bool:
        return self.asked > 0 and time.monotonic() - self._heard > _SILENCE_S

    def _lost(self) -> None:
        self.fail("the connection to the NATS server was lost")

    async def _leave(self) -> None:
        # Without its inbox the server drops what this session asked for; else it would go on taking from the next one.
        subscription, self._subscription = self._subscription, None
        if subscription is not None and self.connection.alive:
            await subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        self._heard = time.monotonic()
        if message.reply:
            self._delivered(message)
        else:
            self._told(message)
        if self.fault:
            await self._leave()

    def _delivered(self, message: Msg) -> None:
        position, sequence = _numbers(message.reply)
        if sequence != self._sequence + 1:
            self.fail(f"delivery {self._sequence + 1:,} of the consumer was missed")
            return
        self._sequence = sequence
        with self.changed:
            self.asked -= 1
            if position > self._position:  # else it was sent again for want of an acknowledgement
                self._position = position
                kind = message.subject.removeprefix(self._prefix)
                self.ready.append((Delivery(position, message.data, kind), message.reply))
                self.changed.notify()

    def _told(self, message: Msg) -> None:
        headers = message.headers or {}
        status, description = headers.get("Status", ""), headers.get("Description", "")
        if status == _HEARTBEAT:
            if headers.get("Nats-Last-Consumer") != str(self._sequence):
                self.fail("another reader got messages of the same consumer")
            return
        if status not in _ENDED and description not in _COMPLETED:
            self.fail(f"the NATS server ended a request for messages: {status} {description}".strip())
            return
        with self.changed:
            self.asked -= int(headers.get("Nats-Pending-Messages", "0"))
            self.changed.notify()


class NatsReader:
    """The reader of one durable consumer."""

    def __init__(self, connected: Callable[[], NatsConnection], names: Names, consumer: str) -> None:
        """See which log this is. Raises BrokerError."""
        self._connected = connected
        self._names = names
        self._consumer = consumer
        self._session: _Session | None = None
        self._unacknowledged: deque[tuple[int, str]] = deque()
        connection = connected()
        self._stream, _ = connection.run(self._log(connection), "tell of the stream")

    @property
    def stream(self) -> str:
        return self._stream

    def start_after(self, position: int) -> None:
        self.close()
        connection = self._connected()
        self._session = connection.run(self._begin(connection, position), "set the consumer to a position")

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Delivery]:
        session = self._running()
        until = time.monotonic() + wait_s
        while True:
            taken, wanting = self._take(session, limit, until)
            if wanting:
                session.connection.start(session.pull(limit))
            if taken or time.monotonic() >= until:
                self._unacknowledged.extend((delivery.position, reply) for delivery, reply in taken)
                return [delivery for delivery, _ in taken]

    def acknowledge(self, position: int) -> None:
        reply = ""
        while self._unacknowledged and self._unacknowledged[0][0] <= position:
            _, reply = self._unacknowledged.popleft()
        if reply and self._session is not None and not self._session.fault:
            connection = self._session.connection
            with suppress(BrokerUnavailable):  # what is not acknowledged is only kept longer
                connection.start(connection.publish(reply, b"+ACK"))

    def close(self) -> None:
        self._unacknowledged.clear()
        session, self._session = self._session, None
        if session is not None and session.connection.alive:
            with suppress(BrokerError):  # lost just now; the session went with its connection
                session.connection.run(session.close(), "end a session")

    def _running(self) -> _Session:
        if self._session is None:
            raise OutOfStep(f"the reader of '{self._consumer}' has not begun; call start_after()")
        if not self._session.connection.alive:
            self._session.fail("the connection to the NATS server was lost")
        elif self._session.silent():
            self._session.fail(f"the NATS server said nothing for {_SILENCE_S} s")
        return self._session

    def _take(self, session: _Session, limit: int, until: float) -> tuple[list[tuple[Delivery, str]], bool]:
        """Return what is ready, and whether to ask for more; wait only when there is nothing of either."""
        with session.changed:
            if session.fault:
                raise OutOfStep(f"the reader of '{self._consumer}' begins again: {session.fault}")
            wanting = len(session.ready) + session.asked <= limit
            if wanting:
                session.ask(limit)
            elif not session.ready:
                session.changed.wait(max(0.0, until - time.monotonic()))
            taken = [session.ready.popleft() for _ in range(min(limit, len(session.ready)))]
            return taken, wanting

    async def _log(self, connection: NatsConnection) -> tuple[str, int]:
        info = await connection.api(f"STREAM.INFO.{self._names.stream}")
        return f"{self._names.stream}@{info['created']}", int(info["state"]["last_seq"])

    async def _begin(self, connection: NatsConnection, position: int) -> _Session:
        stream, last = await self._log(connection)
        if stream != self._stream:
            self._stream = stream
            raise OutOfStep(
                f"the log was made anew and is {stream} now; positions of the old one mean nothing in it"
            )
        if position > last:
            raise BrokerRefused(
                f"'{self._consumer}' has read up to {position:,}, and the log ends at {last:,}: it lost its end, or "
                "is an older copy. Nothing is read until that is back, or `manage.py events position --module "
                f"{self._consumer} --set {last}` gives up what is missing"
            )
        info = await consumer_info(connection, self._names, self._consumer)
        if info is None:
            raise BrokerRefused(
                f"the NATS server has no consumer '{self._consumer}'; `manage.py events converge` makes it"
            )
        floor = info["ack_floor"]
        # A consumer that is new has a floor as well: below the oldest message that it may get.
        if floor["stream_seq"] > position and (position or floor["consumer_seq"]):
            tell_of_gap(self._consumer, position, floor["stream_seq"])
        session = _Session(connection, self._names, self._consumer, position)
        await session.open()
        await connection.api(f"CONSUMER.RESET.{self._names.stream}.{self._consumer}", {"seq": position + 1})
        return session


def _numbers(reply: str) -> tuple[int, int]:
    """Return the position in the stream and the consumer sequence that an acknowledgement's subject tells."""
    tokens = reply.split(".")
    first = 5 if len(tokens) == _SHORT_ACK else 7
    return int(tokens[first]), int(tokens[first + 1])
