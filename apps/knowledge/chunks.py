"""A text as the parts that search finds: sections, and of long sections pieces.

A chunk never spans two sections, so what is found can be named by its headings. It breaks between blocks (paragraphs,
list items, cells), and inside one only where that alone is too long.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markdown_it.token import Token

from apps.knowledge.markdown import plain_text

# About 180 words: a sentence model reads 256 word pieces and ignores the rest. Longer chunks lose their ends to it,
# shorter ones lose their context.
MAX_CHARACTERS: Final = 1_100
SECTION_LENGTH: Final = 500
SECTION_SEPARATOR: Final = " > "


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkText:
    """A part of a note's text."""

    section: str  # the headings above it, outermost first; the note's own title is not among them
    anchor: str  # of the innermost of them, in the HTML
    text: str


def chunks_of(tokens: Sequence[Token], *, title: str) -> list[ChunkText]:
    """Return the chunks of a parsed text in order; a text without words has one, so that its title is found."""
    chunks = [
        ChunkText(section=SECTION_SEPARATOR.join(headings)[:SECTION_LENGTH], anchor=anchor, text=text)
        for headings, anchor, blocks in _sections(tokens, title)
        for text in _pieces(blocks)
    ]
    return chunks or [ChunkText(section="", anchor="", text="")]


def _sections(tokens: Sequence[Token], title: str) -> Iterator[tuple[list[str], str, list[str]]]:
    headings: dict[int, str] = {}  # by level
    anchor, blocks = "", list[str]()
    heading: Token | None = None
    for token in tokens:
        if token.type == "heading_open":
            yield list(headings.values()), anchor, blocks
            heading, blocks = token, []
        elif token.type == "inline" and heading is not None:
            level, words = int(heading.tag[1:]), plain_text(token).strip()
            headings = {above: text for above, text in headings.items() if above < level}
            if words and words != title:
                headings[level] = words
            anchor, heading = str(heading.attrGet("id") or ""), None
        elif text := _block(token):
            blocks.append(text)
    yield list(headings.values()), anchor, blocks


def _block(token: Token) -> str:
    if token.type == "inline":
        return plain_text(token).strip()
    return token.content.strip() if token.type in ("fence", "code_block") else ""


def _pieces(blocks: Iterable[str]) -> Iterator[str]:
    piece = ""
    for block in blocks:
        for part in _parts(block):
            if piece and len(piece) + len(part) + 1 > MAX_CHARACTERS:
                yield piece
                piece = part
            else:
                piece = f"{piece}\n{part}" if piece else part
    if piece:
        yield piece


def _parts(block: str) -> list[str]:
    if len(block) <= MAX_CHARACTERS:
        return [block]
    return textwrap.wrap(block, MAX_CHARACTERS, replace_whitespace=False, drop_whitespace=True)
