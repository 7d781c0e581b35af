"""The shapes that the tools of knowledge take and give."""

from typing import Annotated

from pydantic import Field

from apps.knowledge.models import GapStatus, RawStatus, Verification, Visibility
from contracts.knowledge import Hit
from monolith.contracts import Schema, UtcDatetime
from monolith.tools.pages import Page

_LINE = r"^[^\x00-\x1f\x7f]+$"
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]
Body = Annotated[str, Field(max_length=200_000, pattern=r"^[^\x00]*$")]
Tag = Annotated[str, Field(min_length=1, max_length=60, pattern=_LINE)]
Tags = Annotated[list[Tag], Field(max_length=30)]
Words = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[^\x00]*\S[^\x00]*$")]
Revision = Annotated[int, Field(ge=1, le=2_147_483_647)]
Start = Annotated[int, Field(ge=0, le=200_000)]


class NoteHit(Hit):
    """A note that was found, by its best passage, and who may read it."""

    visibility: Visibility


class FoundNotes(Schema):
    """Notes that were found, best first."""

    hits: list[NoteHit]
    found: int
    """How many there are beyond the limit too."""
    embedder: str
    """Whose vectors were compared."""


class NoteLine(Schema):
    """A note in a list."""

    slug: str
    title: str
    tags: list[str]
    visibility: Visibility
    verification: Verification
    revision: int
    updated_at: UtcDatetime


class NotePage(Page):
    """Notes, those that changed last first."""

    items: list[NoteLine]


class Link(Schema):
    """A link from a note to another, or from another to it."""

    kind: str
    """What the target is to the source: `link` unless the author says more."""
    name: str
    """The note's title, or the name that no note has."""
    slug: str | None
    """None: no note has the name."""


class FullNote(NoteLine):
    """A note as its keepers see it."""

    aliases: list[str]
    observed_at: UtcDatetime | None
    """When what it says was seen to be so."""
    body: str
    """Markdown; a part of it when it is long."""
    body_start: int
    """Which character of the whole body this part begins with."""
    body_length: int
    """Of the whole, in characters: ask again with `body_start` for what follows."""
    links: list[Link]
    backlinks: list[Link]


class TagCount(Schema):
    """A tag, and how many notes have it."""

    tag: str
    notes: int


class TagPage(Page):
    """Tags by name."""

    items: list[TagCount]


class GapLine(Schema):
    """A name that notes link to and that none has."""

    key: str
    term: str
    mentions: int
    """How many notes link to it."""
    status: GapStatus
    opened_at: UtcDatetime
    comment: str
    """The reviewer's."""


class GapPage(Page):
    """Gaps, the most wanted first."""

    items: list[GapLine]


class Proposal(Schema):
    """A text that notes may be made of, and what became of it."""

    sha256: str
    """Of the text: its name."""
    media_type: str
    origin: str
    received_from: str
    received_at: UtcDatetime
    status: RawStatus
    note_slug: str | None
    """The note that was made of it."""


class ProposalPage(Page):
    """Proposals, newest first."""

    items: list[Proposal]


class Proposed(Schema):
    """A proposal that waits for a person, or did so before."""

    sha256: str
    is_new: bool
    """False: the same text was proposed before, and stands as it stood."""
    status: RawStatus


class DisputeRaised(Schema):
    """A doubt about a note, which is shown as disputed until somebody settles it."""

    number: int
    slug: str
    status: str
    revision: int
    """Of the note that is doubted."""
