"""Search over notes: full text and nearness of meaning, fused. Runs as knowledge: enter the module first.

Who may see what is decided by the tables that are asked, before anything is ranked: everybody's search reads the tables
of public rows, also where the private ones could be read.
"""

import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from django.utils import timezone
from psycopg.sql import SQL, Composed, Identifier

from apps.knowledge.embeddings.embedders import default_embedder
from apps.knowledge.embeddings.port import Embedder
from apps.knowledge.fields import vector_text
from apps.knowledge.models import Chunk, Note, PublicChunk, PublicNote, SearchAudit
from monolith import connection

RANK_K: Final = 60  # the paper's; more of it makes the order within each list count for less
CANDIDATES: Final = 100  # notes per list; a note further down than that in both is not found
MIN_SIMILARITY: Final = 0.1  # a note that is further off was not asked for
EXCERPT_LENGTH: Final = 300


class SearchMode(StrEnum):
    """Which of the two lists a search is made of."""

    HYBRID = "hybrid"
    TEXT = "text"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody looks for."""

    text: str
    mode: SearchMode = SearchMode.HYBRID
    tag: str | None = None
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A note that was found, by its best passage."""

    slug: str
    title: str
    section: str  # headings above the passage, outermost first
    anchor: str  # of the passage's section in the note's HTML
    passage: str  # plain text
    excerpt: str  # of the passage, where the question's words are
    score: float  # fused; says which hit is better, not how good it is
    words_rank: int | None  # its place among the notes with the question's words
    meaning_rank: int | None  # its place among the notes near in meaning
    similarity: float | None  # cosine of the passage and the question; comparable for one embedder


@dataclass(frozen=True, slots=True)
class Found:
    """One page of hits."""

    total: int  # how many were found on all pages
    hits: Sequence[Hit]


def search_public(question: Question, *, embedder: Embedder | None = None) -> Found:
    """Return public notes that fit. Reads public rows alone."""
    return _search(question, note=PublicNote, chunk=PublicChunk, embedder=embedder or default_embedder())


def find_all(question: Question, *, embedder: Embedder | None = None) -> Found:
    """Return notes that fit, private ones included, for a caller that keeps a record of who asked."""
    return _search(question, note=Note, chunk=Chunk, embedder=embedder or default_embedder())


def search_all(question: Question, *, asked_by: str, embedder: Embedder | None = None) -> Found:
    """Return notes that fit, private ones included, and keep a record of who asked."""
    embedder = embedder or default_embedder()
    started = time.perf_counter()
    found = find_all(question, embedder=embedder)
    SearchAudit.objects.create(
        at=timezone.now(),
        asked_by=asked_by,
        query=question.text,
        mode=question.mode,
        embedder=embedder.id,
        found=found.total,
        took_ms=(time.perf_counter() - started) * 1000,
    )
    return found


def _search(question: Question, *, note: type[Any], chunk: type[Any], embedder: Embedder) -> Found:
    by_meaning = question.mode is not SearchMode.TEXT
    parameters = {
        "question": question.text,
        "tag": question.tag,
        "by_words": question.mode is not SearchMode.VECTOR,
        "by_meaning": by_meaning,
        "vector": vector_text(embedder.embed([question.text])[0]) if by_meaning else None,
        "embedder": embedder.id,
        "min_similarity": MIN_SIMILARITY,
        "candidates": CANDIDATES,
        "k": RANK_K,
        "limit": question.limit,
        "offset": question.offset,
    }
    with connection().cursor() as cursor:
        cursor.execute(_statement(note._meta.db_table, chunk._meta.db_table), parameters)
        rows = cursor.fetchall()
    return Found(total=rows[0][0], hits=[_hit(row) for row in rows if row[1] is not None])


@cache
def _statement(note: str, chunk: str) -> Composed:
    text = files("apps.knowledge").joinpath("sql", "hybrid_search.sql").read_text(encoding="utf-8")
    return SQL(text).format(note=Identifier(note), chunk=Identifier(chunk))


def _hit(row: Sequence[Any]) -> Hit:
    _, slug, title, section, anchor, passage, excerpt, score, words_rank, meaning_rank, similarity = row
    return Hit(
        slug=slug,
        title=title,
        section=section,
        anchor=anchor,
        passage=passage,
        excerpt=textwrap.shorten(excerpt, EXCERPT_LENGTH, placeholder=" …"),
        score=score,
        words_rank=words_rank,
        meaning_rank=meaning_rank,
        similarity=similarity,
    )
