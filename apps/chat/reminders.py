"""Reminders: words for a channel at a time. Runs as chat: enter the module first."""

import logging
from datetime import datetime
from typing import Final

from apps.chat import deliveries
from apps.chat.errors import (
    DeliveryConflictError,
    ReminderNotFoundError,
    ReminderOverError,
    UnknownTargetError,
)
from apps.chat.messages import allow
from apps.chat.models import Channel, Reminder, ReminderStatus
from apps.chat.trust import apply
from monolith import atomic

logger = logging.getLogger(__name__)

MAX_AT_ONCE: Final = 100


def remind_me(*, channel: str, subject: str, text: str, due_at: datetime, now: datetime) -> Reminder:
    """Store a reminder; its words cost trust as posted ones do. The same one that still waits is not stored again.

    Raises ChannelNotFoundError, ChannelArchivedError, LockedOutError, ChatDeniedError.
    """
    allowed = allow(channel=channel, subject=subject, text=text, now=now)
    fields = {"channel": allowed.channel, "subject": subject, "text": text, "due_at": due_at}
    with atomic():
        Channel.objects.select_for_update().get(pk=allowed.channel.pk)  # two at once would both be new
        waiting = Reminder.objects.select_related("channel").filter(status=ReminderStatus.WAITING)
        if known := waiting.filter(**fields).first():
            return known
        reminder = Reminder.objects.create(**fields, created_at=now)
        apply(subject=subject, verdict=allowed.verdict, now=now)
    reminder.refresh_from_db()
    return reminder


def cancel(*, reminder_id: int, subject: str) -> Reminder:
    """Cancel somebody's own reminder that waits. Raises ReminderNotFoundError, ReminderOverError."""
    own = Reminder.objects.filter(pk=reminder_id, subject=subject)
    moved = own.filter(status=ReminderStatus.WAITING).update(status=ReminderStatus.CANCELLED)
    reminder = own.select_related("channel").first()
    if reminder is None:
        raise ReminderNotFoundError(reminder_id)
    if not moved:
        raise ReminderOverError(reminder_id, reminder.status)
    return reminder


def hand_on_due(*, now: datetime) -> int:
    """Make a delivery of each reminder that is due; returns how many were.

    A reminder ends in the transaction that stores its delivery: it is handed on once.
    """
    handed_on = 0
    while handed_on < MAX_AT_ONCE and _hand_on_next(now):
        handed_on += 1
    return handed_on


def _hand_on_next(now: datetime) -> bool:
    with atomic():
        waiting = Reminder.objects.select_for_update(skip_locked=True, of=("self",)).select_related("channel")
        reminder = waiting.filter(status=ReminderStatus.WAITING, due_at__lte=now).order_by("due_at").first()
        if reminder is None:
            return False
        try:
            reminder.delivery = deliveries.queue(
                dedupe_key=f"reminder:{reminder.pk}",
                sender="channel",
                target=reminder.channel.slug,
                text=f"Reminder for {reminder.subject}: {reminder.text}",
                requested_by=reminder.subject,
                now=now,
            ).delivery
            reminder.status = ReminderStatus.HANDED_ON
        except UnknownTargetError:  # archived since
            reminder.status = ReminderStatus.CANCELLED
        except (
            DeliveryConflictError
        ):  # else it would stay the first one, and those after it would wait for good
            logger.exception("reminder %s: its key is that of another delivery", reminder.pk)
            reminder.status = ReminderStatus.CANCELLED
        reminder.save(update_fields=["status", "delivery"])
        return True
