"""What an answer rests on: which passages it names, and whether that can be relied on."""

import re
from collections.abc import Sequence
from typing import Any, Final

from apps.chat.errors import NonsenseError
from apps.chat.responders.extractive import best_sentences
from apps.chat.responders.port import Passage
from apps.chat.words import stems

NOT_IN_PASSAGES: Final = "NOT_IN_PASSAGES"
MAX_ANSWER: Final = 8_000  # characters
# So much of an answer's words must stand in what it names, or in the question: less is somebody else's text.
LEAST_GROUNDED: Final = 0.4
_MARK: Final = re.compile(r"\[(\d{1,3})\]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")


def is_declined(answer: str) -> bool:
    """Say whether a responder found that the passages do not answer."""
    return answer.strip().strip(".*`\"'") == NOT_IN_PASSAGES


def citations(question: str, answer: str, passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """Return the passages that an answer names, each with the words in it nearest to the question.

    Raises NonsenseError for an answer that names none, names others, or is not made of them.
    """
    if not answer.strip() or len(answer) > MAX_ANSWER or _CONTROL.search(answer):
        raise NonsenseError("What came was empty, far too long, or no text.")
    numbers = sorted({int(number) for number in _MARK.findall(answer)})
    if not numbers:
        raise NonsenseError("What came names no passage that it rests on.")
    if not 1 <= numbers[0] <= numbers[-1] <= len(passages):
        raise NonsenseError("What came names a passage that it was not given.")
    named = [passages[number - 1] for number in numbers]
    _require_grounded(question, answer, named)
    return [_citation(question, number, passage) for number, passage in zip(numbers, named, strict=True)]


def _require_grounded(question: str, answer: str, named: Sequence[Passage]) -> None:
    said = stems(_MARK.sub(" ", answer))
    known = stems(" ".join([question, *(f"{passage.title} {passage.text}" for passage in named)]))
    if not said or len(said & known) < LEAST_GROUNDED * len(said):
        raise NonsenseError("What came has little to do with the passages that it names.")


def _citation(question: str, number: int, passage: Passage) -> dict[str, Any]:
    return {
        "number": number,
        "slug": passage.slug,
        "title": passage.title,
        "section": passage.section,
        "anchor": passage.anchor,
        "quote": " ".join(best_sentences(question, passage, most=1)),
        "disputed": passage.disputed,
        "confidence": round(passage.confidence, 3),
    }
