"""The shapes that the routes give."""

from datetime import datetime

from pydantic import Field

from apps.chat.models import DeliveryStatus, Kind, ModerationKind, ReminderStatus, State, Visible
from monolith.http.answers import Answer


class Page(Answer):
    """Which part of a list."""

    total: int
    limit: int
    offset: int


class ChannelOut(Answer):
    """A channel."""

    slug: str
    title: str
    purpose: str
    answers_from: Visible
    kept_days: int
    archived: bool
    created_at: datetime


class ChannelPage(Page):
    items: list[ChannelOut]


class Citation(Answer):
    """What an answer rests on."""

    number: int = Field(description="As in the text: `[1]`.")
    slug: str = Field(description="The note's.")
    title: str
    section: str = Field(description="The headings above the passage; empty: the note's beginning.")
    anchor: str
    quote: str = Field(description="The sentence of the passage nearest to the question.")
    disputed: bool = Field(description="Somebody doubts what the note says.")
    confidence: float = Field(description="0 to 1: how likely the passage is about the question.")


class MessageOut(Answer):
    """A message."""

    id: int
    external_id: str
    author: str
    kind: Kind
    state: State
    text: str
    citations: list[Citation]
    responder: str = Field(description="Which one wrote an answer; empty for everything else.")
    failure: str = Field(
        description="Of an answer that failed: timeout, busy, nonsense, search, crashed, lost, …"
    )
    reply_to: int | None = Field(validation_alias="reply_to_id", description="Of an answer: its question.")
    created_at: datetime
    ended_at: datetime | None


class MessagePage(Page):
    items: list[MessageOut]


class AskedOut(Answer):
    """A question, and its answer: as it is, or to be looked at again."""

    question: MessageOut
    answer: MessageOut
    href: str = Field(description="Where the answer is.")


class SummaryOut(Answer):
    """A summary."""

    id: int
    first_id: int
    last_id: int
    count: int
    text: str
    quoted: list[int] = Field(description="The messages whose sentences it is made of.")
    created_at: datetime


class SummaryPage(Page):
    items: list[SummaryOut]


class TrustOut(Answer):
    """How far somebody is trusted."""

    subject: str
    score: int = Field(description="0 to 100; below 40 nobody writes.")
    locked: bool


class TrustPage(Page):
    items: list[TrustOut]


class ModerationOut(Answer):
    """Why somebody's trust changed, or did not."""

    id: int
    subject: str
    kind: ModerationKind
    points: int
    reasons: list[str]
    message_id: int | None
    by: str
    at: datetime


class ModerationPage(Page):
    items: list[ModerationOut]


class DeliveryOut(Answer):
    """A delivery."""

    id: int
    dedupe_key: str
    sender: str
    target: str
    text: str
    idempotent: bool
    status: DeliveryStatus
    attempts: int
    may_have_arrived: bool
    next_at: datetime
    error: str
    receipt: str
    requested_by: str
    decided_by: str
    created_at: datetime
    ended_at: datetime | None


class DeliveryPage(Page):
    items: list[DeliveryOut]


class ReminderOut(Answer):
    """A reminder."""

    id: int
    channel: str = Field(validation_alias="slug")
    text: str
    due_at: datetime
    status: ReminderStatus
    delivery_id: int | None
    created_at: datetime


class ReminderPage(Page):
    items: list[ReminderOut]
