"""Messages: posting one, once. Runs as chat: enter the module first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from apps.chat import trust
from apps.chat.channels import get_channel, get_open_channel
from apps.chat.errors import MessageConflictError, MessageNotFoundError
from apps.chat.models import Channel, Kind, Message
from apps.chat.permission import POST, require_permission
from apps.chat.scoring import Scorer, Verdict
from monolith import atomic

SYSTEM: Final = "system"


@dataclass(frozen=True, slots=True)
class Posted:
    """A message, and whether it is new: the same external id again is the same message."""

    message: Message
    is_new: bool


@dataclass(frozen=True, slots=True)
class Allowed:
    """Words that somebody may say in a channel, judged and not stored yet."""

    channel: Channel
    verdict: Verdict | None


def post(
    *, channel: str, subject: str, external_id: str, text: str, now: datetime, scorer: Scorer | None = None
) -> Posted:
    """Store somebody's words.

    Raises ChannelNotFoundError, ChannelArchivedError, LockedOutError, ChatDeniedError, MessageConflictError.
    """
    allowed = allow(channel=channel, subject=subject, text=text, now=now, scorer=scorer)
    with atomic():
        return store(
            allowed.channel,
            external_id=external_id,
            now=now,
            verdict=allowed.verdict,
            author=subject,
            kind=Kind.TEXT,
            text=text,
        )


def allow(*, channel: str, subject: str, text: str, now: datetime, scorer: Scorer | None = None) -> Allowed:
    """Find out whether somebody may say something, before the transaction that stores it. Raises like `post`."""
    found = get_open_channel(channel)
    trust.require_trusted(subject)
    require_permission(subject=subject, action=POST, resource=f"channel:{channel}")
    return Allowed(found, trust.judge(subject=subject, text=text, now=now, scorer=scorer))


def store(
    channel: Channel, *, external_id: str, now: datetime, verdict: Verdict | None, **fields: Any
) -> Posted:
    """Store words that were allowed, once, with what they cost. Runs in a transaction. Raises MessageConflictError."""
    posted = store_once(channel, external_id=external_id, created_at=now, **fields)
    if posted.is_new:
        trust.apply(subject=posted.message.author, verdict=verdict, now=now, message=posted.message)
    return posted


def notice(*, channel: Channel, external_id: str, text: str, author: str = SYSTEM) -> Posted:
    """Store the system's own words, once. Nobody's trust is touched. Raises MessageConflictError."""
    return store_once(channel, external_id=external_id, author=author, kind=Kind.NOTICE, text=text)


def get_message(*, channel: str, message: int) -> Message:
    """Return a message of a channel. Raises ChannelNotFoundError, MessageNotFoundError."""
    found = Message.objects.filter(channel=get_channel(channel), pk=message).first()
    if found is None:
        raise MessageNotFoundError(channel, message)
    return found


def store_once(channel: Channel, *, external_id: str, **fields: Any) -> Posted:
    """Store a message unless its external id is there. Raises MessageConflictError when that one differs."""
    message, is_new = Message.objects.get_or_create(channel=channel, external_id=external_id, defaults=fields)
    same = ("author", "kind", "text")
    if not is_new and any(getattr(message, name) != fields[name] for name in same):
        raise MessageConflictError(external_id, message.pk)
    if is_new:
        message.refresh_from_db()
    return Posted(message, is_new)
