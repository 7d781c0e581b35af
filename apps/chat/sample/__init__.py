"""A channel to try, with a question that the sample notes answer; `load` brings it in."""

from typing import Final

QUESTION: Final = "How long are the gate's answers kept?"
NOTICES: Final = (
    (
        "welcome",
        "Ask here, and the notes of the wiki answer in their own words: POST /api/chat/channels/help/ask.",
    ),
    ("try", f"For a start: {QUESTION}"),
)


def load() -> str:
    """Make the channels that are not there, and say in one of them what it is for. Returns what it did in one line."""
    # Here, because settings name this function before Django is ready.
    from apps.chat.channels import announcements
    from apps.chat.messages import notice
    from apps.chat.models import Channel, Visible
    from monolith import atomic, entering

    with entering("chat"), atomic():
        channel, is_new = Channel.objects.get_or_create(
            slug="help",
            defaults={
                "title": "Help",
                "purpose": "Questions about this system, answered from its notes.",
                "answers_from": Visible.ALL,
            },
        )
        if is_new:
            for key, text in NOTICES:
                notice(channel=channel, external_id=f"sample:{key}", text=text, author="system:sample")
        announcements()
    return "channel 'help' new" if is_new else "nothing new"
