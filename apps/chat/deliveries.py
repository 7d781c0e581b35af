"""Deliveries: words that arrive once, or of which it is known that nobody knows. Runs as chat: enter the module first.

    pending -> sending -> posted            it arrived
                       -> failed            it did not, and will not
                       -> pending           it did not, or once more does no harm: again later
                       -> uncertain         it may have arrived: a person says whether it did

Each step is a transaction of its own and the network is used between two of them, so a process may die anywhere:
before `claim` the delivery is still pending; after it, it is `sending` until its time is over, and then `give_up` tries
an idempotent one again and makes any other uncertain.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F

from apps.chat import trust
from apps.chat.errors import (
    DeliveryConflictError,
    DeliveryDecidedError,
    DeliveryNotFoundError,
)
from apps.chat.models import Delivery, DeliveryStatus
from apps.chat.permission import DELIVER, require_permission
from apps.chat.senders.port import NotSent, Outgoing, Refused, Sender
from apps.chat.senders.senders import SENDERS, sender_for
from monolith import atomic

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 6  # with the pauses below: given up after about a quarter of an hour
FIRST_PAUSE: Final = timedelta(seconds=30)  # doubles with each attempt
# Longer than any attempt takes: a job that sends has a time limit of 60 s.
LEASE: Final = timedelta(seconds=90)
MAX_ERROR: Final = 500
MAX_AT_ONCE: Final = 100  # of one look at what is due
_ENDED: Final = (DeliveryStatus.POSTED, DeliveryStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Queued:
    """A delivery, and whether it is new: the same key again is the same delivery."""

    delivery: Delivery
    is_new: bool


def queue(
    *, dedupe_key: str, sender: str, target: str, text: str, requested_by: str, now: datetime
) -> Queued:
    """Store words to be delivered, and have a job do it. Raises UnknownTargetError, DeliveryConflictError."""
    from apps.chat import tasks  # tasks are made of what is here

    idempotent = sender_for(sender, target).is_idempotent(target)
    given = {"sender": sender, "target": target, "text": text, "requested_by": requested_by}
    with atomic():
        delivery, is_new = Delivery.objects.get_or_create(
            dedupe_key=dedupe_key,
            defaults=given | {"idempotent": idempotent, "next_at": now, "created_at": now},
        )
        if any(getattr(delivery, name) != value for name, value in given.items()):
            raise DeliveryConflictError(dedupe_key, delivery.pk)
        if is_new:
            delivery.refresh_from_db()
            tasks.deliver.enqueue(delivery=delivery.pk)
    return Queued(delivery, is_new)


def request(*, subject: str, dedupe_key: str, sender: str, target: str, text: str, now: datetime) -> Queued:
    """Queue somebody's words, which cost them trust as posted ones do.

    Raises LockedOutError, ChatDeniedError, and what `queue` raises.
    """
    trust.require_trusted(subject)
    require_permission(subject=subject, action=DELIVER, resource=f"{sender}:{target}")
    verdict = trust.judge(subject=subject, text=text, now=now)
    with atomic():
        queued = queue(
            dedupe_key=dedupe_key, sender=sender, target=target, text=text, requested_by=subject, now=now
        )
        if queued.is_new:
            trust.apply(subject=subject, verdict=verdict, now=now)
    return queued


def deliver(delivery_id: int, *, now: datetime, senders: Mapping[str, Sender] = SENDERS) -> str:
    """Make the next attempt of a delivery that is due; returns where it stands, nothing if it was not due."""
    claimed = claim(delivery_id, now=now)
    if claimed is None:
        return ""
    outgoing = Outgoing(key=claimed.dedupe_key, target=claimed.target, text=claimed.text)
    try:
        receipt = senders[claimed.sender].send(outgoing)
    except Refused as error:
        return refused(claimed, now=now, error=str(error))
    except NotSent as error:
        return not_sent(claimed, now=now, error=str(error))
    except Exception as error:
        logger.warning("delivery %s: %s", delivery_id, error, exc_info=True)
        return unknown(claimed, now=now, error=f"{type(error).__name__}: {error}")
    return posted(claimed, now=now, receipt=receipt)


def claim(delivery_id: int, *, now: datetime) -> Delivery | None:
    """Take a delivery that is due, for one attempt; None when it is not, or somebody else has it."""
    taken = Delivery.objects.filter(pk=delivery_id, status=DeliveryStatus.PENDING, next_at__lte=now).update(
        status=DeliveryStatus.SENDING,
        attempts=F("attempts") + 1,
        fence=uuid.uuid4(),
        next_at=now + LEASE,
    )
    return Delivery.objects.get(pk=delivery_id) if taken else None


def posted(claimed: Delivery, *, now: datetime, receipt: str) -> str:
    """Write down that an attempt arrived."""
    return _record(claimed, now=now, status=DeliveryStatus.POSTED, receipt=receipt, error="")


def not_sent(claimed: Delivery, *, now: datetime, error: str) -> str:
    """Write down that nothing arrived: again later, unless there were enough attempts."""
    if claimed.attempts < MAX_ATTEMPTS:
        return _again(claimed, now=now, error=error)
    return refused(claimed, now=now, error=error)


def refused(claimed: Delivery, *, now: datetime, error: str) -> str:
    """Write down that nothing arrived and nothing will; an earlier attempt may have arrived all the same."""
    over = DeliveryStatus.UNCERTAIN if claimed.may_have_arrived else DeliveryStatus.FAILED
    return _record(claimed, now=now, status=over, error=error)


def unknown(claimed: Delivery, *, now: datetime, error: str) -> str:
    """Write down that nobody knows whether an attempt arrived."""
    if claimed.idempotent and claimed.attempts < MAX_ATTEMPTS:
        return _again(claimed, now=now, error=error, may_have_arrived=True)
    return _record(claimed, now=now, status=DeliveryStatus.UNCERTAIN, error=error, may_have_arrived=True)


def give_up(*, now: datetime) -> int:
    """End attempts whose process is gone: nobody knows whether they arrived. Returns how many."""
    lost = Delivery.objects.filter(status=DeliveryStatus.SENDING, next_at__lt=now)
    return sum(
        bool(unknown(each, now=now, error="The attempt did not come back."))
        for each in lost.order_by("next_at")[:MAX_AT_ONCE]
    )


def due(*, now: datetime) -> list[int]:
    """Return deliveries that wait for an attempt, the longest waiting first."""
    waiting = Delivery.objects.filter(status=DeliveryStatus.PENDING, next_at__lte=now).order_by("next_at")
    return list(waiting.values_list("pk", flat=True)[:MAX_AT_ONCE])


def decide(*, delivery_id: int, arrived: bool, by: str, now: datetime) -> Delivery:
    """Say what became of an uncertain delivery. Raises DeliveryNotFoundError, DeliveryDecidedError."""
    status = DeliveryStatus.POSTED if arrived else DeliveryStatus.FAILED
    moved = Delivery.objects.filter(pk=delivery_id, status=DeliveryStatus.UNCERTAIN).update(
        status=status, decided_by=by, ended_at=now
    )
    delivery = get_delivery(delivery_id)
    if not moved:
        raise DeliveryDecidedError(delivery_id, delivery.status)
    return delivery


def get_delivery(delivery_id: int) -> Delivery:
    """Return a delivery. Raises DeliveryNotFoundError."""
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if delivery is None:
        raise DeliveryNotFoundError(delivery_id)
    return delivery


def _again(claimed: Delivery, *, now: datetime, **fields: Any) -> str:
    pause = FIRST_PAUSE * 2 ** (claimed.attempts - 1)
    return _record(claimed, now=now, status=DeliveryStatus.PENDING, next_at=now + pause, **fields)


def _record(claimed: Delivery, *, now: datetime, status: DeliveryStatus, **fields: Any) -> str:
    """Write how an attempt ended, unless it was given up since; returns where the delivery stands."""
    fields |= {"status": status, "fence": None, "error": fields.get("error", "")[:MAX_ERROR]}
    if status in _ENDED:
        fields["ended_at"] = now
    under_way = Delivery.objects.filter(pk=claimed.pk, status=DeliveryStatus.SENDING, fence=claimed.fence)
    if under_way.update(**fields):
        return status
    logger.warning("delivery %s: an attempt that was given up ended as %s", claimed.pk, status)
    return ""
