"""The shapes that the tools of chat take and give."""

from typing import Annotated

from pydantic import Field

from apps.chat.inputs import KEY
from apps.chat.models import DeliveryStatus, Kind, ReminderStatus, State, Visible
from monolith.contracts import Schema, UtcDatetime
from monolith.tools.pages import Page

# Shorter than by HTTP, as the token's name is put before it.
Key = Annotated[str, Field(min_length=1, max_length=80, pattern=KEY)]
Title = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class ChannelLine(Schema):
    """A channel."""

    slug: str
    title: str
    purpose: str
    answers_from: Visible
    """`all`: answers may quote private notes to everybody who reads here."""
    kept_days: int
    archived: bool
    created_at: UtcDatetime


class ChannelPage(Page):
    """Channels by slug."""

    items: list[ChannelLine]


class Cited(Schema):
    """What an answer rests on."""

    number: int
    """As in the text: `[1]`."""
    slug: str
    """The note's."""
    title: str
    section: str
    anchor: str
    quote: str
    disputed: bool
    confidence: float
    """0 to 1: how likely the passage is about the question."""


class MessageShown(Schema):
    """A message."""

    id: int
    author: str
    kind: Kind
    state: State
    """Of an answer: answering until it is answered, declined or failed."""
    text: str
    citations: list[Cited]
    responder: str
    failure: str
    """Of an answer that failed: what kind."""
    reply_to: int | None
    """Of an answer: its question."""
    created_at: UtcDatetime
    ended_at: UtcDatetime | None


class MessagePage(Page):
    """Messages, newest first."""

    items: list[MessageShown]


class PostedMessage(Schema):
    """A message that was said."""

    message: MessageShown
    is_new: bool
    """False: the key stood for it before."""


class Answered(Schema):
    """A question and its answer."""

    question: int
    """The message's id."""
    answer: MessageShown


class SummaryShown(Schema):
    """What was said in a channel between two messages."""

    id: int
    first_id: int
    last_id: int
    count: int
    text: str
    quoted: list[int]
    """The messages whose sentences it is made of."""
    created_at: UtcDatetime


class SummaryPage(Page):
    """Summaries, newest first."""

    items: list[SummaryShown]


class Trust(Schema):
    """How far somebody is trusted."""

    whose: str
    score: int
    """0 to 100; below 40 nobody writes."""
    locked: bool


class DeliveryShown(Schema):
    """Words on their way to a place."""

    id: int
    sender: str
    target: str
    text: str
    idempotent: bool
    status: DeliveryStatus
    """`uncertain`: it may have arrived, and a person says whether it did."""
    attempts: int
    may_have_arrived: bool
    error: str
    requested_by: str
    decided_by: str
    created_at: UtcDatetime
    ended_at: UtcDatetime | None


class DeliveryPage(Page):
    """Deliveries, newest first."""

    items: list[DeliveryShown]


class QueuedDelivery(Schema):
    """A delivery that was taken."""

    delivery: DeliveryShown
    is_new: bool
    """False: the key stood for it before."""


class ReminderShown(Schema):
    """Words that are said at a time."""

    id: int
    channel: str
    text: str
    due_at: UtcDatetime
    status: ReminderStatus
    created_at: UtcDatetime


class ReminderPage(Page):
    """Reminders, the next one first."""

    items: list[ReminderShown]
