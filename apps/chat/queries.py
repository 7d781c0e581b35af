"""What readers ask for. Runs as chat: enter the module first."""

from typing import Any

from django.db.models import F, QuerySet

from apps.chat.models import (
    LOCKED_BELOW,
    Channel,
    Delivery,
    Message,
    ModerationEvent,
    Reminder,
    Summary,
    UserTrust,
)
from apps.chat.requests import MessageSearch


def channels(*, archived: bool | None = None) -> QuerySet[Channel]:
    """Return channels by slug."""
    return Channel.objects.filter(**({} if archived is None else {"archived": archived})).order_by("slug")


def messages(channel: Channel, wanted: MessageSearch) -> QuerySet[Message]:
    """Return a channel's messages, newest first."""
    given = {"kind": wanted.kind, "author": wanted.author, "id__lt": wanted.before}
    return Message.objects.filter(
        channel=channel, **{name: value for name, value in given.items() if value is not None}
    ).order_by("-created_at", "-id")


def summaries(channel: Channel) -> QuerySet[Summary]:
    """Return a channel's summaries, newest first."""
    return Summary.objects.filter(channel=channel)


def trust(*, locked: bool | None = None) -> QuerySet[UserTrust]:
    """Return whose trust was ever touched, the least trusted first."""
    wanted = {None: {}, True: {"score__lt": LOCKED_BELOW}, False: {"score__gte": LOCKED_BELOW}}
    return UserTrust.objects.filter(**wanted[locked])


def moderation(*, subject: str | None = None) -> QuerySet[ModerationEvent]:
    """Return what moderation did, newest first."""
    return ModerationEvent.objects.filter(**({} if subject is None else {"subject": subject}))


def deliveries(*, status: str | None = None) -> QuerySet[Delivery]:
    """Return deliveries, newest first."""
    return Delivery.objects.filter(**({} if status is None else {"status": status}))


def reminders(subject: str, *, status: str | None = None) -> QuerySet[Reminder, Any]:
    """Return somebody's reminders by the time they are due."""
    own = Reminder.objects.filter(subject=subject, **({} if status is None else {"status": status}))
    return own.order_by("due_at", "id").values(
        "id", "text", "due_at", "status", "delivery_id", "created_at", slug=F("channel__slug")
    )


def page(rows: QuerySet[Any, Any], *, limit: int, offset: int) -> dict[str, Any]:
    """Return one part of a list and how long all of it is."""
    return {
        "total": rows.count(),
        "limit": limit,
        "offset": offset,
        "items": list(rows[offset : offset + limit]),
    }
