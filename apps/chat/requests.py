"""The shapes that the routes take."""

from datetime import datetime
from typing import Annotated, Final

from django.utils import timezone
from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from apps.chat.inputs import (
    KEY,
    LINE,
    MAX_AHEAD,
    Number,
    Purpose,
    QuestionText,
    Reason,
    ReminderText,
    Score,
    SenderName,
    Slug,
    Subject,
    Words,
)
from apps.chat.models import LONGEST_KEPT_DAYS, DeliveryStatus, Kind, ReminderStatus, Visible
from monolith.contracts import UtcDatetime
from monolith.http.maybe import Maybe

MAX_OFFSET: Final = 100_000


def _ahead(moment: datetime) -> datetime:
    if not timezone.now() < moment <= timezone.now() + MAX_AHEAD:
        raise ValueError(f"is over, or more than {MAX_AHEAD.days} days ahead")
    return moment


Line = Annotated[str, StringConstraints(pattern=LINE, min_length=1, max_length=120, strip_whitespace=True)]
Key = Annotated[str, Field(min_length=1, max_length=180, pattern=KEY)]
DueAt = Annotated[UtcDatetime, AfterValidator(_ahead)]


class Paging(Schema):
    """Which part of a list."""

    limit: int = Field(default=20, ge=1, le=100, description="At most so many items.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many items.")


class ChannelSearch(Paging):
    """Which channels."""

    archived: Maybe[bool] = None


class MessageSearch(Paging):
    """Which messages."""

    kind: Maybe[Kind] = None
    author: Maybe[Subject] = Field(default=None, description="`user:7`")
    before: Maybe[Number] = Field(default=None, description="Only those older than this message.")


class DeliverySearch(Paging):
    """Which deliveries."""

    status: Maybe[DeliveryStatus] = Field(default=None, description="`uncertain` ones wait for a person.")


class ReminderSearch(Paging):
    """Which of your reminders."""

    status: Maybe[ReminderStatus] = None


class TrustSearch(Paging):
    """Whose trust."""

    locked: Maybe[bool] = Field(default=None, description="Only those who cannot write, or can.")


class ModerationSearch(Paging):
    """Which events."""

    subject: Maybe[Subject] = None


class Given(Schema):
    """What is sent with a request; what nobody asked for is refused."""

    model_config = ConfigDict(extra="forbid")


class NewChannel(Given):
    """A channel to make."""

    slug: Slug
    title: Line
    purpose: Purpose = ""
    answers_from: Visible = Field(
        default=Visible.PUBLIC,
        description="`all`: answers may quote private notes to everybody who reads here.",
    )
    kept_days: Annotated[int, Field(ge=1, le=LONGEST_KEPT_DAYS)] = 365


class ChannelEdit(Given):
    """What to change."""

    archived: bool


class NewMessage(Given):
    """Words to say. The same id and words again are the same message."""

    external_id: Key
    text: Words


class NewQuestion(Given):
    """A question to answer from the notes."""

    external_id: Key
    text: QuestionText
    stream: bool = Field(
        default=True,
        description="Answer as server-sent events; otherwise 202, and the answer is made by a job.",
    )


class TrustEdit(Given):
    """How far somebody is trusted from now on."""

    score: Score
    reason: Reason


class NewDelivery(Given):
    """Words to bring somewhere. The same key, place and words again are the same delivery."""

    dedupe_key: Key
    sender: SenderName = Field(description="`channel` or `webhook`")
    target: Slug = Field(description="A channel's slug, or the name of a webhook in the settings.")
    text: Words


class DeliveryDecision(Given):
    """What became of an uncertain delivery."""

    arrived: bool


class NewReminder(Given):
    """Words to be said at a time."""

    channel: Slug
    text: ReminderText
    due_at: DueAt
