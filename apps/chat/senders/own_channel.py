"""Delivers into a channel of this chat."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from apps.chat import messages
from apps.chat.channels import get_open_channel
from apps.chat.errors import ChannelArchivedError, ChannelNotFoundError, MessageConflictError
from apps.chat.models import Channel
from apps.chat.senders.port import Outgoing, Refused
from monolith import atomic

MAX_EXTERNAL_ID: Final = 200


class ChannelSender:
    """A message whose external id is the delivery's key: sent twice it is one."""

    name = "channel"

    def targets(self) -> Iterable[str]:
        return Channel.objects.filter(archived=False).values_list("slug", flat=True)

    def knows(self, target: str) -> bool:
        return Channel.objects.filter(slug=target, archived=False).exists()

    def is_idempotent(self, target: str) -> bool:
        return True

    def send(self, outgoing: Outgoing) -> str:
        try:
            with atomic():
                posted = messages.notice(
                    channel=get_open_channel(outgoing.target),
                    external_id=_external_id(outgoing.key),
                    text=outgoing.text,
                    author="system:deliveries",
                )
        except (ChannelNotFoundError, ChannelArchivedError, MessageConflictError) as error:
            raise Refused(str(error)) from error
        return str(posted.message.pk)


def _external_id(key: str) -> str:
    """Return what a delivery's message is called: by the key, or by its digest where the key leaves no room."""
    named = f"delivery:{key}"
    return named if len(named) <= MAX_EXTERNAL_ID else f"delivery-sha256:{sha256(key.encode()).hexdigest()}"
