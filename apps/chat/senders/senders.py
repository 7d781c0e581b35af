"""The senders by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apps.chat.errors import UnknownTargetError
from apps.chat.senders.own_channel import ChannelSender
from apps.chat.senders.port import Sender
from apps.chat.senders.webhook import WebhookSender

SENDERS: Final[Mapping[str, Sender]] = MappingProxyType(
    {sender.name: sender for sender in (ChannelSender(), WebhookSender())}
)


def sender_for(sender: str, target: str) -> Sender:
    """Return the sender of that name. Raises UnknownTargetError unless it knows the target."""
    if sender not in SENDERS:
        raise UnknownTargetError("chat", sender, SENDERS)
    found = SENDERS[sender]
    if not found.knows(target):
        raise UnknownTargetError(sender, target, found.targets())
    return found
