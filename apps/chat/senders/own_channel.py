"""Delivers into a channel of this chat."""

from collections.abc import Iterable

from apps.chat import messages
from apps.chat.channels import get_open_channel
from apps.chat.errors import ChannelArchivedError, ChannelNotFoundError, MessageConflictError
from apps.chat.models import Channel
from apps.chat.senders.port import Outgoing, Refused
from monolith import atomic


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
                    external_id=f"delivery:{outgoing.key}",
                    text=outgoing.text,
                    author="system:deliveries",
                )
        except (ChannelNotFoundError, ChannelArchivedError, MessageConflictError) as error:
            raise Refused(str(error)) from error
        return str(posted.message.pk)
