"""The shapes that the public routes take and give."""

from datetime import datetime
from typing import Annotated, Final

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from apps.knowledge.models import Verification
from apps.knowledge.search import CANDIDATES, Question, SearchMode
from monolith.http.answers import Answer
from monolith.http.maybe import Maybe

MAX_OFFSET: Final = 100_000

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=120)]
# Control characters are no text anyone types, and PostgreSQL cannot store the first of them.
Line = Annotated[
    str,
    StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", min_length=1, max_length=200, strip_whitespace=True),
]
Tag = Annotated[Line, StringConstraints(max_length=60)]


class Paging(Schema):
    """Which part of a list."""

    limit: int = Field(default=20, ge=1, le=100, description="At most so many items.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many items.")


class Page(Answer):
    """One page of a list."""

    total: int = Field(description="How many there are on all pages.")
    limit: int
    offset: int


class TagFilter(Paging):
    """Which public notes to list."""

    tag: Maybe[Tag] = Field(default=None, description="Only notes with this tag.")


class GraphFilter(Schema):
    """Which part of the graph."""

    tag: Maybe[Tag] = Field(default=None, description="Only notes with this tag.")
    limit: int = Field(default=500, ge=1, le=1_000, description="At most so many notes.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many notes.")


class SearchQuestion(Schema):
    """What to look for."""

    q: Line = Field(
        description='Words, or a whole question. "quotes" keep words together, OR joins, a minus leaves out.'
    )
    mode: SearchMode = Field(
        default=SearchMode.HYBRID, description="`text` is by words alone, `vector` by meaning alone."
    )
    tag: Maybe[Tag] = Field(default=None, description="Only notes with this tag.")
    limit: int = Field(default=10, ge=1, le=50, description="At most so many notes.")
    offset: int = Field(default=0, ge=0, le=2 * CANDIDATES, description="Leave out so many notes.")

    def question(self) -> Question:
        """Return it in the words of search."""
        return Question(text=self.q, mode=self.mode, tag=self.tag, limit=self.limit, offset=self.offset)


class NoteHead(Answer):
    """A note in a list."""

    slug: str
    title: str
    tags: list[str]
    verification: Verification
    updated_at: datetime


class NoteHeadPage(Page):
    """One page of public notes."""

    items: list[NoteHead]


class Neighbour(Answer):
    """A note that this one links to, or that links to it."""

    slug: str
    title: str
    kind: str = Field(description="What the target is to the source: `link` unless the author says more.")


class PublicNoteOut(NoteHead):
    """A public note. Links to what is not public are text, whether it exists or not."""

    observed_at: datetime | None = Field(description="When what it says was seen to be so.")
    html: str = Field(description="Safe to show. Addresses of notes are relative to this one's.")
    links: list[Neighbour]
    backlinks: list[Neighbour] = Field(description="The first 200.")


class Node(Answer):
    """A note as a node."""

    slug: str
    title: str
    tags: list[str]
    x: float
    y: float


class Edge(Answer):
    """A link as an edge."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    source: str = Field(validation_alias="from")
    target: str = Field(validation_alias="to")
    kind: str


class Graph(Page):
    """Notes by title, and the links among those of this page."""

    nodes: list[Node]
    edges: list[Edge]


class HitOut(Answer):
    """A note that was found, by its best passage."""

    slug: str
    title: str
    section: str = Field(description="The headings above the passage, outermost first.")
    anchor: str = Field(description="Id of the passage's section in the note's HTML.")
    excerpt: str = Field(description="Plain text: escape it.")
    score: float = Field(description="By reciprocal rank fusion: compares hits of one search, nothing else.")
    words_rank: int | None = Field(description="Place among the notes with the question's words.")
    meaning_rank: int | None = Field(description="Place among the notes near in meaning.")
    similarity: float | None = Field(description="Cosine of question and passage.")


class HitPage(Page):
    """One page of hits, best first."""

    items: list[HitOut]
