"""The port that every responder stands behind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A part of a note that may answer a question."""

    slug: str
    title: str
    section: str  # the headings above it, ` > ` between them
    anchor: str
    text: str
    confidence: float  # 0 to 1: how likely it is about what was asked
    disputed: bool = False  # somebody doubts what the note says


class Responder(Protocol):
    """Writes an answer from passages that were found for a question, and from nothing else.

    It runs on a thread of its own, has no database, and may be left alone when it takes too long.
    """

    @property
    def name(self) -> str:
        """What CHAT_RESPONDER calls it."""
        ...

    def respond(self, question: str, passages: Sequence[Passage]) -> Iterator[str]:
        """Yield the answer in pieces, each claim followed by the number of its passage in brackets: `[1]`.

        NOT_IN_PASSAGES alone says that the passages do not answer. Raises ResponderError, or anything.
        """
        ...
