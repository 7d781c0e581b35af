"""Removing what is old. Runs as chat: enter the module first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet

from apps.chat.models import (
    Channel,
    Delivery,
    DeliveryStatus,
    Message,
    ModerationEvent,
    Reminder,
    ReminderStatus,
    State,
    Summary,
)

DELIVERIES_KEPT: Final = timedelta(days=90)
MODERATION_KEPT: Final = timedelta(days=180)
REMINDERS_KEPT: Final = timedelta(days=90)
BATCH: Final = 1_000  # rows of one statement: locks are short, and a stopped job has lost little


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """How many rows a pruning removed; answers go with their questions, and are not counted."""

    messages: int
    summaries: int
    moderation: int
    deliveries: int
    reminders: int


def prune(*, now: datetime) -> PruneReport:
    """Remove what is kept no longer. Uncertain deliveries and waiting reminders stay however old they are."""
    ended = (DeliveryStatus.POSTED, DeliveryStatus.FAILED)
    over = (ReminderStatus.HANDED_ON, ReminderStatus.CANCELLED)
    messages = summaries = 0
    for channel in Channel.objects.all():
        before = now - channel.kept
        old = Message.objects.filter(channel=channel, created_at__lt=before).exclude(state=State.ANSWERING)
        messages += _remove(old)
        summaries += _remove(Summary.objects.filter(channel=channel, created_at__lt=before))
    return PruneReport(
        messages=messages,
        summaries=summaries,
        moderation=_remove(ModerationEvent.objects.filter(at__lt=now - MODERATION_KEPT)),
        reminders=_remove(Reminder.objects.filter(status__in=over, due_at__lt=now - REMINDERS_KEPT)),
        deliveries=_remove(Delivery.objects.filter(status__in=ended, ended_at__lt=now - DELIVERIES_KEPT)),
    )


def _remove(old: QuerySet[Any]) -> int:
    removed = 0
    while keys := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        old.model._default_manager.filter(pk__in=keys).delete()
        removed += len(keys)
    return removed
