"""What chat takes: words of other modules, for a channel of it. It answers no calls."""

from typing import Annotated

from pydantic import Field

from monolith.contracts import Command

ChannelSlug = Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Reference = Annotated[str, Field(min_length=1, max_length=160, pattern=r"^[!-~]+$")]
Words = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"^[^\x00]*\S[^\x00]*$")]


class PostMessage(Command, key="channel"):
    """Say something in a channel, as the system's own words.

    The same reference in the same channel is said once. Where there is no such channel, or nothing can be said in it
    any more, the command is a dead letter.
    """

    channel: ChannelSlug
    reference: Reference
    """The sender's name for these words; begin it with the sender's module: `stars:night:2026-05-02`."""
    text: Words
