"""`publish()` and `send()`: a message becomes a row of the caller's transaction, or nothing at all."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from monolith.composition import composed
from monolith.context import current_module
from monolith.contracts.messages import Command, Event, Message
from monolith.contracts.scope import call_scope, correlation_id
from monolith.errors import TierViolation
from monolith.events import outbox
from monolith.events.broker import MAX_MESSAGE_BYTES
from monolith.events.envelope import Envelope
from monolith.events.errors import MessageTooLarge, NotAPublisher, OutsideTransaction, PlatformPublishes
from monolith.events.ids import uuid7
from monolith.events.outbox import Draft
from monolith.module import PLATFORM
from monolith.profile import Profile
from monolith.telemetry import outgoing_headers, span
from monolith.transactions import connection

_ZERO_BYTE: Final = re.compile(
    r"(?<!\\)(?:\\\\)*\\u0000"
)  # and not a backslash with what looks like one behind it


def publish(event: Event, *, deliver_at: datetime | None = None) -> UUID:
    """Tell all subscribers of an event once the open transaction commits, or at `deliver_at`; returns the message's id.

    Publish after the rows are written that it tells about: then events of one key have the order of those writes.
    Raises OutsideTransaction, NotAPublisher for another module's event, MessageTooLarge, TypeError for a command,
    ValueError for a zero byte or a `deliver_at` without a time zone, and TierViolation on the public tier.
    """
    _require_owner(event)
    return _write([event], deliver_at)[0]


def publish_all(events: Sequence[Event]) -> list[UUID]:
    """Publish several events in their order, with one statement; returns their ids. Raises as publish() does."""
    for event in events:
        _require_owner(event)
    return _write(events, None)


def send(command: Command, *, deliver_at: datetime | None = None) -> UUID:
    """Ask the module that declares a command to carry it out, once the open transaction commits or at `deliver_at`.

    Any module may. Returns the message's id. Raises as publish() does, and TypeError for an event.
    """
    if not isinstance(command, Command):
        raise TypeError(f"{command!r} is no command; use publish(), in the module that declares it")
    return _write([command], deliver_at)[0]


def publish_for_framework(event: Event) -> UUID:
    """Publish an event that is the framework's own, as the current module. Raises as publish() does."""
    return _write([event], None)[0]


def cancel(message: UUID) -> bool:
    """Take back a message of the current module whose `deliver_at` has not come; returns whether that was in time.

    In a transaction it holds once that commits.
    """
    return outbox.cancel(message)


def reschedule(message: UUID, deliver_at: datetime) -> bool:
    """Let a message of the current module come at another time; returns whether its time had not come yet.

    Raises ValueError for a moment without a time zone.
    """
    return outbox.reschedule(message, _aware(deliver_at))


def _require_owner(event: Event) -> None:
    if not isinstance(event, Event):
        raise TypeError(f"{event!r} is no event; use send()")
    declared = event.message_type
    if declared.module != current_module():
        raise NotAPublisher(declared.name, declared.module, current_module())


def _write(messages: Sequence[Message], deliver_at: datetime | None) -> list[UUID]:
    profile, module = composed().profile, current_module()
    names = ", ".join(sorted({message.message_type.name for message in messages}))
    if profile is not Profile.PRIVATE:
        problem = (
            f"{names} was to be published by the {profile.value} process; publish it from the private tier"
        )
        raise TierViolation([problem])
    if module == PLATFORM:
        raise PlatformPublishes(names)
    if not connection().in_atomic_block:
        raise OutsideTransaction(names, module)
    if not messages:
        return []
    moment = None if deliver_at is None else _aware(deliver_at)
    with span(f"publish {names}"):
        drafts = [_draft(message, module, moment) for message in messages]
        outbox.add(drafts)
    return [draft.id for draft in drafts]


def _draft(message: Message, module: str, deliver_at: datetime | None) -> Draft:
    declared, scope, id_ = message.message_type, call_scope(), uuid7()
    envelope = Envelope(
        id=id_,
        type=declared.name,
        version=declared.version,
        tenant=scope.tenant,
        key=message.partition_key,
        occurred_at=datetime.now(UTC),
        correlation_id=correlation_id() or str(id_),
        causation_id=scope.causation,
        producer=module,
        environment=composed().environment.environment,
        payload=message.model_dump(mode="json"),
        trace=outgoing_headers(),
    )
    text = envelope.to_json()
    size = len(text.encode())
    if size > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(declared.name, size, MAX_MESSAGE_BYTES)
    if _ZERO_BYTE.search(text):
        raise ValueError(f"{declared.name} holds a zero byte, which PostgreSQL does not keep; leave it out")
    return Draft(
        id=id_,
        type=declared.name,
        partition_key=envelope.partition_key,
        envelope=text,
        deliver_at=deliver_at,
    )


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(
            f"deliver_at {moment.isoformat()} has no time zone; give it one, as datetime.now(UTC) does"
        )
    return moment
