"""What knowledge promises: to find notes, to hand them out, and to keep what may become one; what it tells of them."""

from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from monolith.contracts import (
    DeclaredError,
    Event,
    Interface,
    OpenEnum,
    Schema,
    Tag,
    UtcDatetime,
    command,
    raises,
    tool,
)

Slug = Annotated[str, Field(max_length=120, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Slugs = Annotated[list[Slug], Field(max_length=100)]
Question = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
Limit = Annotated[int, Field(ge=1, le=50)]
Text = Annotated[str, Field(min_length=1, max_length=1_000_000, pattern=r"^[^\x00]+$")]
MediaType = Annotated[str, Field(max_length=80, pattern=r"^text/[a-z0-9.+-]+$")]
Origin = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Visible(StrEnum):
    """What a question may see. The caller answers for it: it knows who will read the answer."""

    PUBLIC = "public"
    ALL = "all"  # private notes too; searches are kept with who asked, and the public tier cannot ask


class SearchMode(StrEnum):
    """How notes are found."""

    HYBRID = "hybrid"
    TEXT = "text"  # by words alone
    VECTOR = "vector"  # by meaning alone


class Verification(OpenEnum):
    """How far a note can be relied on."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    DISPUTED = "disputed"


class Hit(Schema):
    """A note that was found, by its best passage."""

    slug: str
    title: str
    section: str
    """The headings above the passage, outermost first, with ` > ` between."""
    anchor: str
    """Id of the passage's section in the note's HTML; empty for its start."""
    passage: str
    """Plain text, at most about 1,100 characters: enough to quote from without fetching the note."""
    score: float
    """By reciprocal rank fusion: compares the hits of one search, nothing else."""
    words_rank: int | None
    """Place among the notes with the question's words; None when it has none of them."""
    similarity: float | None
    """Cosine of question and passage, by the embedder named in the answer; None when it is not among the nearest."""


class Hits(Schema):
    """What a search found, best first."""

    hits: list[Hit]
    embedder: str
    """Whose vectors were compared: what is a high similarity differs from one to another."""


class Note(Schema):
    """A note as readers get it."""

    slug: str
    title: str
    text: str
    """Plain text, sections divided by blank lines."""
    html: str
    """Safe to show. Addresses of other notes are relative to this one's; what the reader may not see is no link."""
    tags: list[str]
    verification: Verification
    observed_at: UtcDatetime | None
    """When what it says was seen to be so."""
    updated_at: UtcDatetime


class Receipt(Schema):
    """Under which name a text is kept."""

    sha256: str
    """Of the text in UTF-8, in hexadecimal: its name."""
    is_new: bool
    """False when the same text was there before."""


class NoteNotFound(DeclaredError):
    """There is no such note among those that the question may see."""

    slug: str


class RawInputRefused(DeclaredError):
    """The text cannot be kept."""

    reason: str


class Knowledge(Interface, Protocol):
    """A wiki of notes, private until published."""

    def search(
        self,
        *,
        text: Question,
        visible: Visible = Visible.PUBLIC,
        mode: SearchMode = SearchMode.HYBRID,
        limit: Limit = 10,
    ) -> Hits:
        """Find notes with the words of a question and notes near it in meaning."""
        ...

    @raises(NoteNotFound)
    def get_note(self, *, slug: Slug, visible: Visible = Visible.PUBLIC) -> Note:
        """Return one note."""
        ...

    def get_notes(self, *, slugs: Slugs, visible: Visible = Visible.PUBLIC) -> list[Note]:
        """Return several notes in the order asked for; those that do not exist, or may not be seen, are left out."""
        ...

    @tool(tag=Tag.PROPOSE)
    @raises(RawInputRefused)
    @command
    def ingest_raw(
        self,
        *,
        idempotency_key: str,
        text: Text,
        media_type: MediaType = "text/markdown",
        origin: Origin = "",
    ) -> Receipt:
        """Keep a text that notes may be made of, once however often it comes; people decide whether one is."""
        ...


class NoteChanged(Event, key="slug"):
    """A note was written, edited, published, taken back, or is relied on differently.

    Private notes too: who shows it to somebody answers for that they may know of it.
    """

    slug: str
    title: str
    revision: int
    """Counts the edits of its words; publishing is none."""
    is_public: bool
    verification: Verification
    changed_at: UtcDatetime


class NoteTombstoned(Event, key="slug"):
    """A note was removed; links to it dangle. A new note of that slug begins with revision 1."""

    slug: str
    title: str
    revision: int
    """Its last one."""
    removed_at: UtcDatetime


class GapOpened(Event, key="key", external=True):
    """Notes link to a name that no note has."""

    key: str
    """The name as links are compared by it."""
    term: str
    """The name as it is mostly written."""
    mentions: int
    """How many notes link to it."""
