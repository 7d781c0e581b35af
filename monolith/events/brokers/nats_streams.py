"""The stream and the consumers of one environment, as they should be, and how they come to be so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from monolith.events.broker import CLAIMS_KEPT, MAX_BATCH
from monolith.events.brokers.nats_connection import NatsConnection
from monolith.events.brokers.nats_errors import (
    CONSUMER_NOT_FOUND,
    MESSAGE_NOT_FOUND,
    STREAM_DIFFERS,
    STREAM_NOT_FOUND,
    ApiError,
)
from monolith.events.errors import BrokerRefused

# How long the server knows the ids of what it kept. Longer: a relay may be away longer between a message's leaving and
# its confirmation without sending it twice (the inbox would refuse it by its id); the server holds some 150 bytes for
# each id meanwhile, 18 MB at 1,000 messages a second.
DUPLICATE_WINDOW: Final = timedelta(minutes=2)
# Fetched and not acknowledged messages of one consumer. Lower: a consumer that keeps several batches at once waits.
MAX_UNACKNOWLEDGED: Final = 10 * MAX_BATCH
# After this long the server sends again what was not acknowledged. A reader drops that; it begins anew by a reset.
_ACKNOWLEDGED_WITHIN: Final = timedelta(minutes=2)
_CLAIMS_BYTES: Final = 256 * 1024 * 1024  # about a million and a half of them

type _Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """What the streams and subjects of one environment are called."""

    environment: str

    @property
    def stream(self) -> str:
        return f"monolith_{self.environment}"

    @property
    def claims(self) -> str:
        return f"KV_{self.stream}_claims"

    def subject(self, message_type: str) -> str:
        return f"monolith.{self.environment}.{message_type}"

    def claim(self, key: str) -> str:
        return f"$KV.{self.stream}_claims.{key}"


def stream_config(names: Names, *, replicas: int, max_bytes: int) -> _Config:
    """Return the stream that carries an environment's messages: each is kept until all who want it have it."""
    return {
        "name": names.stream,
        "subjects": [names.subject(">")],
        "retention": "interest",
        "storage": "file",
        "discard": "new",
        "max_bytes": max_bytes,
        "duplicate_window": _nanoseconds(DUPLICATE_WINDOW),
        "allow_atomic": True,
        "num_replicas": replicas,
    }


def claims_config(names: Names, *, replicas: int) -> _Config:
    """Return the bucket of claims, laid out as NATS's own key-value buckets are."""
    return {
        "name": names.claims,
        "subjects": [names.claim(">")],
        "storage": "file",
        "discard": "new",
        "max_bytes": _CLAIMS_BYTES,
        "max_msgs_per_subject": 1,
        "max_age": _nanoseconds(CLAIMS_KEPT),
        "allow_msg_ttl": True,
        "num_replicas": replicas,
    }


async def settle_stream(connection: NatsConnection, wanted: _Config) -> None:
    """Make a stream, or change the one that is there. Raises ApiError and BrokerError."""
    name = wanted["name"]
    found = await _stream(connection, name)
    if found is None:
        try:
            await connection.api(f"STREAM.CREATE.{name}", wanted)
        except ApiError as error:
            if error.code != STREAM_DIFFERS:
                raise
            found = await _stream(connection, name)
    if found is None or _holds(found, wanted):
        return
    if fixed := [key for key in ("retention", "storage") if key in wanted and found.get(key) != wanted[key]]:
        raise BrokerRefused(
            f"the NATS server has a stream {name} that is not ours (its {' and '.join(fixed)}); set another "
            "MONOLITH_ENVIRONMENT, or remove it if nobody needs what it holds"
        )
    # What an operator added (placement, compression) stays.
    await connection.api(f"STREAM.UPDATE.{name}", {**found, **wanted})


async def _stream(connection: NatsConnection, name: str) -> _Config | None:
    try:
        config: _Config = (await connection.api(f"STREAM.INFO.{name}"))["config"]
    except ApiError as error:
        if error.code == STREAM_NOT_FOUND:
            return None
        raise
    return config


async def consumer_info(connection: NatsConnection, names: Names, consumer: str) -> dict[str, Any] | None:
    """Return what the server knows of a consumer, or None if there is none. Raises ApiError and BrokerError."""
    try:
        return await connection.api(f"CONSUMER.INFO.{names.stream}.{consumer}")
    except ApiError as error:
        if error.code in {CONSUMER_NOT_FOUND, STREAM_NOT_FOUND}:
            return None
        raise


async def consumer_names(connection: NatsConnection, names: Names) -> list[str]:
    """Return what the consumers of the stream are called, sorted. Raises ApiError and BrokerError."""
    found: list[str] = []
    while True:
        try:
            answer = await connection.api(f"CONSUMER.NAMES.{names.stream}", {"offset": len(found)})
        except ApiError as error:
            if error.code == STREAM_NOT_FOUND:
                return []
            raise
        more = answer.get("consumers") or []
        found += more
        if not more or len(found) >= int(answer["total"]):
            return sorted(found)


async def holds(connection: NatsConnection, names: Names, position: int) -> bool:
    """Say whether the message at a position is still there. Raises ApiError and BrokerError."""
    try:
        await connection.api(f"STREAM.MSG.GET.{names.stream}", {"seq": position})
    except ApiError as error:
        if error.code == MESSAGE_NOT_FOUND:
            return False
        raise
    return True


async def unsettled(
    connection: NatsConnection, names: Names, consumers: Mapping[str, Sequence[str]], *, narrow: bool
) -> dict[str, _Config | None]:
    """Return the consumers that are not as wanted, with what each should be; None for one to be removed."""
    changes: dict[str, _Config | None] = {}
    for consumer, types in consumers.items():
        info = await consumer_info(connection, names, consumer)
        found: _Config = info["config"] if info else {}
        subjects = {names.subject(each) for each in types}
        if not narrow:
            subjects |= set(found.get("filter_subjects", ()))
        if not subjects:
            if found:
                changes[consumer] = None
            continue
        wanted = _consumer_config(consumer, sorted(subjects))
        if not _holds(found, wanted):
            changes[consumer] = {**found, **wanted}
    return changes


async def settle_consumer(
    connection: NatsConnection, names: Names, consumer: str, config: _Config | None
) -> None:
    """Make, change or remove one consumer. Raises ApiError and BrokerError."""
    place = f"{names.stream}.{consumer}"
    if config is None:
        await connection.api(f"CONSUMER.DELETE.{place}")
    else:
        await connection.api(f"CONSUMER.CREATE.{place}", {"stream_name": names.stream, "config": config})


def _consumer_config(consumer: str, subjects: list[str]) -> _Config:
    return {
        "name": consumer,
        "durable_name": consumer,
        "deliver_policy": "all",
        "ack_policy": "all",  # one acknowledgement stands for all before it
        "ack_wait": _nanoseconds(_ACKNOWLEDGED_WITHIN),
        "max_ack_pending": MAX_UNACKNOWLEDGED,
        "filter_subjects": subjects,
    }


def _holds(found: _Config, wanted: _Config) -> bool:
    return all(_comparable(found.get(key)) == _comparable(value) for key, value in wanted.items())


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _nanoseconds(length: timedelta) -> int:
    return int(length.total_seconds() * 1_000_000_000)
