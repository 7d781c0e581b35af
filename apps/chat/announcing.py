"""What the system says in its own channel. Runs as chat, in a subscriber's transaction."""

import logging

from apps.chat.channels import announcements
from apps.chat.messages import notice
from monolith.contracts import call_scope

logger = logging.getLogger(__name__)


def announce(text: str) -> None:
    """Say something about the message that is being handled, once; nothing where the channel is archived."""
    channel = announcements()
    if channel.archived:
        logger.info("announcements are archived; not said: %s", text)
        return
    notice(
        channel=channel, external_id=f"message:{call_scope().causation}", text=text, author="system:events"
    )
