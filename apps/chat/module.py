"""chat: channels in which staff talk, questions are answered from notes, and the system says what happened."""

from apps.chat.configuration import secrets
from monolith.module import Module, Tier

module = Module(
    name="chat",
    tier=Tier.PRIVATE,
    title="Chat",
    summary="Channels with answers quoted from notes, trust and moderation, summaries, reminders and deliveries.",
    requires=(
        "knowledge",  # answers are made of its notes
        "compliance",  # asked before somebody's words are stored
    ),
    secrets=secrets(),  # a key for the language model, if there is one
    routes="apps.chat.routes",
    sample_data="apps.chat.sample.load",
)
