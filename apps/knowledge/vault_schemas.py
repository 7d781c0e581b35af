"""The shapes that the private routes take and give."""

from datetime import datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from apps.knowledge.models import DisputeStatus, GapStatus, RawStatus, Verification, Visibility
from apps.knowledge.schemas import (
    Edge,
    Line,
    Neighbour,
    Node,
    NoteHead,
    Page,
    Paging,
    Slug,
    Tag,
    TagFilter,
)
from apps.knowledge.search import SearchMode
from monolith.http.answers import Answer
from monolith.http.maybe import Maybe

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f/]+$", max_length=200)]
Prose = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=2_000)]
Said = Annotated[Prose, StringConstraints(min_length=1, strip_whitespace=True)]
Markdown = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=200_000)]


class NoteFilter(TagFilter):
    """Which notes to list."""

    visibility: Maybe[Visibility] = None
    verification: Maybe[Verification] = None
    text: Maybe[Line] = Field(default=None, description="Appears in the title or the slug.")


class NewNote(Schema):
    """A note to make; it is private until it is published."""

    model_config = ConfigDict(extra="forbid")

    title: Line
    slug: Maybe[Slug] = Field(default=None, description="Made of the title when left out.")
    body: Markdown = Field(
        default="", description="Markdown; `[[Note]]` links to a note by any of its names."
    )
    tags: list[Tag] = Field(default=[], max_length=30)
    aliases: list[Line] = Field(default=[], max_length=30, description="Other names that links may use.")
    observed_at: AwareDatetime | None = Field(default=None, description="When it was seen to be so.")
    verification: Maybe[Verification] = None


class NoteEdit(Schema):
    """Fields to change; those left out stay."""

    model_config = ConfigDict(extra="forbid")

    revision: int = Field(ge=1, description="Of the note as you read it; 409 when it is another now.")
    title: Maybe[Line] = None
    body: Maybe[Markdown] = None
    tags: Maybe[Annotated[list[Tag], Field(max_length=30)]] = None
    aliases: Maybe[Annotated[list[Line], Field(max_length=30)]] = None
    observed_at: AwareDatetime | None = None
    verification: Maybe[Verification] = None


class Revision(Schema):
    """Which revision is meant."""

    revision: int = Field(ge=1, description="Of the note as you read it; 409 when it is another now.")


class StoredHead(NoteHead):
    """A note in a list of all of them."""

    visibility: Visibility
    revision: int


class StoredHeadPage(Page):
    """One page of notes, private ones included."""

    items: list[StoredHead]


class StoredLink(Answer):
    """A link as its author wrote it; without a slug it dangles."""

    target: str
    kind: str
    slug: str | None
    title: str | None


class StoredNote(StoredHead):
    """A note as its keepers see it."""

    body: str
    html: str
    aliases: list[str]
    observed_at: datetime | None
    content_hash: str
    created_at: datetime
    links: list[StoredLink]
    backlinks: list[Neighbour] = Field(description="The first 200.")


class StoredNode(Node):
    """A note as a node of the whole graph."""

    visibility: Visibility


class StoredGraph(Page):
    """The whole graph: notes by title, and the links among those of this page."""

    nodes: list[StoredNode]
    edges: list[Edge]


class ImportOptions(Schema):
    """How to import."""

    overwrite: bool = Field(default=False, description="Let files win over edits that were made here.")


class ImportOut(Answer):
    """What became of the files, by slug, and of those that were skipped, by path."""

    created: list[str]
    changed: list[str]
    unchanged: list[str]
    retired: list[str] = Field(description="The file says that the note is private.")
    to_publish: list[str] = Field(description="The file asks for a public note: publish it, if you may.")
    skipped: dict[str, str] = Field(description="By path: why.")
    left: int = Field(description="Files that the time did not suffice for: send the archive again.")


class SearchRecord(Answer):
    """A search over private notes."""

    at: datetime
    asked_by: str
    query: str
    mode: SearchMode
    embedder: str
    found: int
    took_ms: float


class SearchRecordPage(Page):
    """One page of searches, newest first."""

    items: list[SearchRecord]


class GapFilter(Paging):
    """Which gaps to list."""

    status: Maybe[GapStatus] = None


class GapOut(Answer):
    """A name that is linked to and that no note has."""

    key: str
    term: str
    mentions: int
    status: GapStatus
    opened_at: datetime
    changed_at: datetime
    reviewed_by: str
    comment: str


class GapPage(Page):
    """One page of gaps, most wanted first."""

    items: list[GapOut]


class GapReview(Schema):
    """What is to become of a gap."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal[GapStatus.ACCEPTED, GapStatus.DISMISSED]
    comment: Prose = ""


class RawFilter(Paging):
    """Which raw input to list."""

    status: Maybe[RawStatus] = None


class NewRaw(Schema):
    """Text to keep."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", min_length=1, max_length=1_000_000)]
    media_type: Annotated[str, StringConstraints(pattern=r"^text/[a-z0-9.+-]+$", max_length=80)] = (
        "text/markdown"
    )
    origin: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=500)] = ""


class RawReceipt(Answer):
    """Under which name a text is kept."""

    sha256: str
    is_new: bool = Field(description="False: the same text was there before.")


class RawHead(Answer):
    """A raw input without its text."""

    sha256: str
    media_type: str
    origin: str
    received_from: str
    received_at: datetime
    status: RawStatus


class RawPage(Page):
    """One page of raw input, newest first."""

    items: list[RawHead]


class RawOut(RawHead):
    """A raw input."""

    content: str


class RawUse(Schema):
    """Which note was made of it."""

    model_config = ConfigDict(extra="forbid")

    slug: Slug


class DisputeFilter(Paging):
    """Which disputes to list."""

    status: Maybe[DisputeStatus] = None
    slug: Maybe[Slug] = Field(default=None, description="Only those about this note.")


class NewDispute(Schema):
    """A doubt about a note."""

    model_config = ConfigDict(extra="forbid")

    slug: Slug
    claim: Said = Field(description="The words of the note that are doubted.")
    reason: Said


class DisputeOut(Answer):
    """A doubt, and what came of it."""

    id: int
    slug: str
    claim: str
    reason: str
    revision: int = Field(description="Of the note that was doubted.")
    status: DisputeStatus
    raised_by: str
    raised_at: datetime
    settled_by: str
    settled_at: datetime | None
    resolution: str


class DisputePage(Page):
    """One page of disputes, newest first."""

    items: list[DisputeOut]


class Settlement(Schema):
    """How a dispute ends."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal[DisputeStatus.UPHELD, DisputeStatus.REJECTED]
    resolution: Prose = ""
