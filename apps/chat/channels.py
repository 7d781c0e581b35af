"""Channels: making, finding and archiving them. Runs as chat: enter the module first."""

from typing import Final

from django.db import IntegrityError

from apps.chat.errors import ChannelArchivedError, ChannelExistsError, ChannelNotFoundError
from apps.chat.models import Channel, Visible
from monolith import atomic

ANNOUNCEMENTS: Final = "announcements"


def make_channel(
    *, slug: str, title: str, purpose: str = "", answers_from: str = Visible.PUBLIC, kept_days: int = 365
) -> Channel:
    """Make a channel. Raises ChannelExistsError."""
    channel = Channel(slug=slug, title=title, purpose=purpose, answers_from=answers_from, kept_days=kept_days)
    try:
        with atomic():
            channel.save(force_insert=True)
    except IntegrityError as error:
        if Channel.objects.filter(slug=slug).exists():
            raise ChannelExistsError(slug) from error
        raise
    channel.refresh_from_db()
    return channel


def get_channel(slug: str) -> Channel:
    """Return a channel. Raises ChannelNotFoundError."""
    channel = Channel.objects.filter(slug=slug).first()
    if channel is None:
        raise ChannelNotFoundError(slug)
    return channel


def get_open_channel(slug: str) -> Channel:
    """Return a channel that can be posted to. Raises ChannelNotFoundError, ChannelArchivedError."""
    channel = get_channel(slug)
    if channel.archived:
        raise ChannelArchivedError(slug)
    return channel


def set_archived(*, slug: str, archived: bool) -> Channel:
    """Archive a channel, or open it again. Raises ChannelNotFoundError."""
    channel = get_channel(slug)
    channel.archived = archived
    channel.save(update_fields=["archived"])
    return channel


def announcements() -> Channel:
    """Return the channel for what the system has to say, made when it is not there; archiving it silences it."""
    channel, _ = Channel.objects.get_or_create(
        slug=ANNOUNCEMENTS,
        defaults={"title": "Announcements", "purpose": "What happened, told by the system itself."},
    )
    return channel
