"""The broker that is a NATS server or cluster, by its JetStream."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import uuid4

from monolith.events.broker import Outgoing, batches
from monolith.events.brokers.credentials import Credentials
from monolith.events.brokers.forks import renew_after_fork
from monolith.events.brokers.nats_claims import NatsClaims
from monolith.events.brokers.nats_connection import NatsConnection
from monolith.events.brokers.nats_errors import ONE_BY_ONE, ApiError, broker_error
from monolith.events.brokers.nats_reader import NatsReader
from monolith.events.brokers.nats_streams import (
    Names,
    claims_config,
    consumer_info,
    consumer_names,
    holds,
    settle_consumer,
    settle_stream,
    stream_config,
    unsettled,
)
from monolith.events.errors import BrokerError, BrokerRefused, BrokerUnavailable

_CONVERGING: Final = "monolith converges"  # the name that a process claims while it changes consumers
_CONVERGE_S: Final = 20
_LOOK_AGAIN_S: Final = 0.1
FEW: Final = 8  # messages that are sent one after the other: a batch costs a server as much as ten of them


class NatsBroker:
    """JetStream, with one stream for each environment and one durable consumer for each consuming module."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        environment: str,
        credentials: Credentials,
        replicas: int,
        max_bytes: int,
    ) -> None:
        """Remember where the servers are; the first use connects, and so does the first after a loss or a fork."""
        self._servers = servers
        self._credentials = credentials
        self._replicas = replicas
        self._max_bytes = max_bytes
        self._names = Names(environment)
        self._claims = NatsClaims(self._names)
        self._lock = threading.Lock()
        self._connection: NatsConnection | None = None
        self._inherited: list[NatsConnection] = []
        renew_after_fork(self)

    def converge(self, consumers: Mapping[str, Sequence[str]], *, narrow: bool = False) -> None:
        connection = self._connected()
        connection.run(
            self._converge(connection, consumers, narrow=narrow), "make the stream and its consumers"
        )

    def publish(self, messages: Sequence[Outgoing]) -> int:
        connection = self._connected()
        kept = 0
        for part in batches(messages):
            try:
                now = connection.run(self._publish(connection, part), "keep messages")
            except BrokerError:
                if not kept:
                    raise
                return kept
            kept += now
            if now < len(part):
                break
        return kept

    def reader(self, consumer: str) -> NatsReader:
        return NatsReader(self._connected, self._names, consumer)

    def consumers(self) -> Sequence[str]:
        connection = self._connected()
        return connection.run(consumer_names(connection, self._names), "list consumers")

    def backlog(self, consumer: str) -> int:
        connection = self._connected()
        info = connection.run(consumer_info(connection, self._names, consumer), "tell of a consumer")
        if info is None:
            raise BrokerRefused(
                f"the NATS server has no consumer '{consumer}'; `manage.py events converge` makes it"
            )
        return int(info["num_pending"]) + int(info["num_ack_pending"])

    def claim(self, name: str, *, holder: str, ttl: timedelta | None = None) -> str:
        connection = self._connected()
        return connection.run(self._claims.claim(connection, name, holder, ttl), "write a claim")

    def release(self, name: str, *, holder: str) -> None:
        connection = self._connected()
        connection.run(self._claims.release(connection, name, holder), "release a claim")

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def renew(self) -> None:
        self._lock = threading.Lock()
        if self._connection is not None:
            self._connection.abandon()
            # Kept, so that nothing of the parent's is finalised here.
            self._inherited.append(self._connection)
            self._connection = None

    def _connected(self) -> NatsConnection:
        with self._lock:
            if self._connection is None or not self._connection.alive:
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                self._connection = NatsConnection(self._servers, self._credentials)
            return self._connection

    async def _converge(
        self, connection: NatsConnection, consumers: Mapping[str, Sequence[str]], *, narrow: bool
    ) -> None:
        await settle_stream(connection, claims_config(self._names, replicas=self._replicas))
        await settle_stream(
            connection, stream_config(self._names, replicas=self._replicas, max_bytes=self._max_bytes)
        )
        if not await unsettled(connection, self._names, consumers, narrow=narrow):
            return
        # A consumer's subjects are read and then written, which NATS cannot do in one: one process at a time.
        holder = uuid4().hex
        await self._alone(connection, holder)
        try:
            changes = await unsettled(connection, self._names, consumers, narrow=narrow)
            for consumer, config in changes.items():
                await settle_consumer(connection, self._names, consumer, config)
        finally:
            await self._claims.release(connection, _CONVERGING, holder)

    async def _alone(self, connection: NatsConnection, holder: str) -> None:
        try:
            async with asyncio.timeout(_CONVERGE_S):
                ttl = timedelta(seconds=_CONVERGE_S)
                while await self._claims.claim(connection, _CONVERGING, holder, ttl) != holder:
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            raise BrokerUnavailable(
                f"another process has been changing the consumers for {_CONVERGE_S} s; try again"
            ) from None

    async def _publish(self, connection: NatsConnection, messages: Sequence[Outgoing]) -> int:
        if len(messages) > FEW:
            try:
                await self._at_once(connection, messages)
            except ApiError as error:
                if error.code not in ONE_BY_ONE:
                    raise
            else:
                return len(messages)
        return await self._one_by_one(connection, messages)

    async def _at_once(self, connection: NatsConnection, messages: Sequence[Outgoing]) -> None:
        batch = uuid4().hex
        for place, message in enumerate(messages, start=1):
            subject = self._names.subject(message.type)
            headers = {
                "Nats-Msg-Id": str(message.id),
                "Nats-Batch-Id": batch,
                "Nats-Batch-Sequence": str(place),
            }
            if place < len(messages):
                await connection.publish(subject, message.body, headers)
            else:
                await connection.request(subject, message.body, headers | {"Nats-Batch-Commit": "1"})

    async def _keep(self, connection: NatsConnection, message: Outgoing) -> None:
        subject, key = self._names.subject(message.type), str(message.id)
        answer = await connection.request(subject, message.body, {"Nats-Msg-Id": key})
        if not answer.get("duplicate") or await holds(connection, self._names, int(answer["seq"])):
            return
        # All have it already, or nobody ever will: a server that was killed in the middle of a batch (2.15.1, with
        # retention by interest) knows the ids of the rest of it after its restart, and has dropped the messages. Sent
        # under another id it comes once too often at worst, which an inbox refuses by the id in the envelope.
        await connection.request(subject, message.body, {"Nats-Msg-Id": f"{key} {uuid4().hex}"})

    async def _one_by_one(self, connection: NatsConnection, messages: Sequence[Outgoing]) -> int:
        kept = 0
        for message in messages:
            try:
                await self._keep(connection, message)
            except (ApiError, BrokerError) as error:
                if kept:
                    return kept
                raise broker_error(error, "keep messages") if isinstance(error, ApiError) else error from None
            kept += 1
        return kept
