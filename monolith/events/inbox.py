"""The inbox of the current module: a job for each message and subscriber, kept with how far the log was read."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db import InterfaceError, OperationalError

from monolith.contracts.errors import MessageUnreadable
from monolith.events.broker import Delivery
from monolith.events.envelope import Envelope, read_envelope
from monolith.events.errors import OutOfStep
from monolith.events.outbox import statement
from monolith.events.registry import subscribers_by_type
from monolith.jobs.records import fetch, fetch_each, plan_anew
from monolith.jobs.records import statement as jobs_statement
from monolith.jobs.runner import error_text
from monolith.jobs.task import MAX_KEY_BYTES, AnyTask
from monolith.transactions import atomic

logger = logging.getLogger("monolith.events")

NOBODY: Final = "monolith.events.inbox.nobody"
"""What stands in the place of the subscriber in dead letters that there is none for."""

# The next message would meet the same; all are tried again.
_BEYOND_THIS_MESSAGE: Final = (OutOfStep, OperationalError, InterfaceError)

_POSITION: Final = statement("position")
_ADVANCE: Final = statement("advance")
_LOCK_KEYS: Final = statement("lock_keys")
_MAKE_LANES: Final = statement("make_lanes")
_KEEP: Final = statement("keep")
_KEEP_DEAD: Final = statement("keep_dead")
_IS_FULL: Final = statement("is_full")
_BURIED: Final = statement("buried")
_ALL_BURIED: Final = statement("all_buried")
_DISCARD: Final = jobs_statement("discard")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message for one subscriber."""

    subscriber: AnyTask
    envelope: Envelope
    body: str

    @property
    def key(self) -> str:
        """Return what orders it: per subscriber, so that one does not hold up another."""
        key = f"{self.subscriber.module_path}|{self.envelope.partition_key}"
        if len(key.encode()) <= MAX_KEY_BYTES:
            return key
        return f"{self.subscriber.module_path}|sha256:{hashlib.sha256(key.encode()).hexdigest()}"

    @property
    def travels(self) -> dict[str, str]:
        """Return what the handler inherits: the message is the cause of all that it does."""
        return {
            "tenant": self.envelope.tenant,
            "correlation": self.envelope.correlation_id,
            "causation": str(self.envelope.id),
            **self.envelope.trace,
        }


def begin(stream: str) -> int:
    """Return how far the current module has read a log; 0 when it has not begun. To be called before `keep`."""
    fetch(_MAKE_LANES)  # without them there is nothing to take the order of keys by
    rows = fetch(_POSITION, stream=stream)
    return int(rows[0][0]) if rows else 0


def is_full(limit: int) -> bool:
    """Say whether more than `limit` jobs of the current module wait for workers, a key or a switch."""
    return bool(fetch(_IS_FULL, limit=limit)[0][0])


def keep(module: str, stream: str, since: int, deliveries: Sequence[Delivery]) -> None:
    """Keep what was read after the position `since`, each message once for each subscriber, and move the position on.

    What nobody here can be given becomes a dead letter. Raises OutOfStep, and keeps nothing, when another process
    has read on meanwhile.
    """
    plan_anew()
    try:
        with atomic(durable=True):
            _keep(module, stream, since, deliveries)
    except _BEYOND_THIS_MESSAGE:
        raise
    except Exception:  # one message must not keep those behind it waiting for ever, whatever is wrong with it
        logger.warning(
            "one of %d messages for %s cannot be kept; keeping each by itself",
            len(deliveries),
            module,
            exc_info=True,
        )
        _keep_one_by_one(module, stream, since, deliveries)


def _keep_one_by_one(module: str, stream: str, since: int, deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        try:
            with atomic(durable=True):
                _keep(module, stream, since, [delivery])
        except _BEYOND_THIS_MESSAGE:
            raise
        except Exception as error:  # noqa: BLE001 - what cannot be kept is a dead letter, whatever is wrong with it
            with atomic(durable=True):
                _advance(stream, since, delivery.position)
                _bury(delivery, error)
        since = delivery.position


def _advance(stream: str, since: int, until: int) -> None:
    if not fetch(_ADVANCE, stream=stream, since=since, until=until):
        raise _out_of_step(stream, since)


def _out_of_step(stream: str, since: int) -> OutOfStep:
    return OutOfStep(f"another process has read {stream} on from {since}")


def _keep(module: str, stream: str, since: int, deliveries: Sequence[Delivery]) -> None:
    """Keep messages and move on, in the open transaction. Raises OutOfStep."""
    entries = _all_entries(module, deliveries)
    if not entries:
        _advance(stream, since, deliveries[-1].position)
        return
    moving = {"stream": stream, "since": since, "until": deliveries[-1].position}
    moved, *_ = fetch_each((_ADVANCE, moving), *_adding(module, entries))
    if not moved:
        raise _out_of_step(stream, since)


def _add(module: str, deliveries: Sequence[Delivery]) -> None:
    if entries := _all_entries(module, deliveries):
        fetch(_MAKE_LANES)
        fetch_each(*_adding(module, entries))


def _all_entries(module: str, deliveries: Sequence[Delivery]) -> list[Entry]:
    return [entry for delivery in deliveries for entry in _entries(module, delivery)]


def _adding(module: str, entries: Sequence[Entry]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    keys = [entry.key for entry in entries]
    values = {
        "module": module,
        "tasks": [entry.subscriber.module_path for entry in entries],
        "messages": [entry.envelope.id for entry in entries],
        "arguments": [f'{{"args": [{entry.body}], "kwargs": {{}}}}' for entry in entries],
        "travels": [json.dumps(entry.travels) for entry in entries],
        "keys": keys,
        "heavy": [entry.subscriber.heavy for entry in entries],
        "priorities": [entry.subscriber.priority for entry in entries],
    }
    return (_LOCK_KEYS, {"keys": keys}), (_KEEP, values)


def _entries(module: str, delivery: Delivery) -> Iterator[Entry]:
    try:
        text, envelope = _read(delivery)
    except (MessageUnreadable, UnicodeDecodeError) as error:
        _bury(delivery, error)
        return
    found = subscribers_by_type(module).get(envelope.type, ())
    if not found:
        problem = MessageUnreadable(
            f"{module} has no subscriber of {envelope.type} in this process; deploy the code that has one and replay"
        )
        _bury(delivery, problem, envelope.id)
    for subscriber in found:
        yield Entry(subscriber, envelope, text)


def _read(delivery: Delivery) -> tuple[str, Envelope]:
    text = delivery.body.decode()
    envelope = read_envelope(text)
    if delivery.type not in ("", envelope.type):
        # Who may publish to one subject could otherwise speak in the name of every module.
        raise MessageUnreadable(f"it says that it is {envelope.type}, and was published as {delivery.type}")
    return text, envelope


def _bury(delivery: Delivery, error: BaseException, message: UUID | None = None) -> None:
    """Keep a dead letter that no subscriber can be given, as the current module and in the open transaction."""
    text = delivery.body.decode(errors="replace").replace("\0", "\ufffd")
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    fetch(
        _KEEP_DEAD,
        task=NOBODY,
        message=message or uuid5(NAMESPACE_OID, hashlib.sha256(delivery.body).hexdigest()),
        body=text,
        published_as=delivery.type,
        error=json.dumps(error_text(kind, str(error), "consumer")),
    )
    logger.error("a message became a dead letter before any subscriber saw it: %s", error)


def redeliver(module: str, job_id: int) -> int:
    """Give a dead letter of NOBODY to the subscribers that there are now, as the current module; returns how many.

    Raises MessageUnreadable when there still is nobody for it.
    """
    with atomic():
        rows = fetch(_BURIED, id=job_id, task=NOBODY)
        if not rows:
            return 0
        body, published_as = rows[0]
        delivery = Delivery(0, str(body).encode(), published_as)
        _, envelope = _read(delivery)
        count = len(subscribers_by_type(module).get(envelope.type, ()))
        if not count:
            raise MessageUnreadable(
                f"{module} still has no subscriber of {envelope.type} in this process; deploy the code that has one"
            )
        _add(module, [delivery])
        fetch(_DISCARD, id=job_id)
    return count


def redeliver_known(module: str) -> None:
    """Give out the dead letters of NOBODY that there is a subscriber for by now, oldest first, as the current module.

    So what an older process met that did not know the type yet comes before what is read next.
    """
    for (job_id,) in fetch(_ALL_BURIED, task=NOBODY):
        with suppress(MessageUnreadable):
            redeliver(module, job_id)
