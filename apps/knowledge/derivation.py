"""What follows from a note's words: its names, its HTML, its links and its chunks with their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apps.knowledge.chunks import ChunkText, chunks_of
from apps.knowledge.content import Content
from apps.knowledge.embeddings.embedders import default_embedder
from apps.knowledge.embeddings.port import Embedder
from apps.knowledge.errors import NoteRefusedError
from apps.knowledge.markdown import Link, parse, render
from apps.knowledge.models import TITLE_LENGTH
from apps.knowledge.names import names_of

# Raise it when names, markdown, chunks or what is embedded change: notes are then derived anew.
VERSION: Final = 2
MAX_LINKS: Final = 1_000
MAX_CHUNKS: Final = 500  # about half a megabyte of text, or a heading every few words


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What is stored beside a note's words."""

    derivation: str  # what derived it; another value means that it is out of date
    names: Sequence[str]
    html: str
    heading: str  # the note's title and aliases: every chunk is found by them
    links: Sequence[Link]
    chunks: Sequence[ChunkText]
    embedder: str
    vectors: Sequence[list[float]]  # one per chunk


def derive(slug: str, content: Content, *, embedder: Embedder | None = None) -> Derived:
    """Return what follows from a note. Takes milliseconds per chunk: call it outside of transactions.

    Raises NoteRefusedError for a body with more links or sections than one note can have.
    """
    embedder = embedder or default_embedder()
    document = parse(content.body)
    chunks = chunks_of(document.tokens, title=content.title)
    _check("links", len(document.links), MAX_LINKS)
    _check("sections and pieces of text", len(chunks), MAX_CHUNKS)
    return Derived(
        derivation=current_derivation(embedder),
        names=names_of(slug, content.title, content.aliases),
        html=render(document),
        heading=_heading(content),
        links=document.links,
        chunks=chunks,
        embedder=embedder.id,
        vectors=embedder.embed([_embedded(content, chunk) for chunk in chunks]),
    )


def current_derivation(embedder: Embedder | None = None) -> str:
    """Return what `derive` would leave in `Note.derivation` now."""
    return f"{VERSION} {(embedder or default_embedder()).id}"


def _heading(content: Content) -> str:
    """Return a note's title and those of its aliases that fit beside it in a chunk's title."""
    heading = content.title
    for alias in content.aliases:
        if len(heading) + len(alias) + 2 <= TITLE_LENGTH:
            heading = f"{heading}, {alias}"
    return heading


def _embedded(content: Content, chunk: ChunkText) -> str:
    # Aliases last: a model that reads so many words and no more leaves out the least.
    parts = (content.title, chunk.section, chunk.text, ", ".join(content.aliases))
    return "\n".join(filter(None, parts))


def _check(what: str, number: int, limit: int) -> None:
    if number > limit:
        raise NoteRefusedError("body", f"The body has {number} {what}; split it into notes of {limit}.")
