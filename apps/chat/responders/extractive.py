"""The responder that is always there: it quotes, and adds no word of its own."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from apps.chat.responders.port import Passage
from apps.chat.words import sentences, stems

FIRST_QUOTES: Final = 2  # sentences of the best passage
OTHER_QUOTES: Final = 1
_MARK: Final = re.compile(r"\[(\d+)\]")


class ExtractiveResponder:
    """The sentences of the passages that have most of the question's words, in quotation marks."""

    name = "extractive"

    def respond(self, question: str, passages: Sequence[Passage]) -> Iterator[str]:
        for number, passage in enumerate(passages, start=1):
            most = FIRST_QUOTES if number == 1 else OTHER_QUOTES
            quoted = _without_marks(" ".join(best_sentences(question, passage, most=most)))
            doubt = " (this note is disputed)" if passage.disputed else ""
            yield f"{'' if number == 1 else '\n'}“{quoted}” [{number}]{doubt}"


def _without_marks(text: str) -> str:
    """Brackets around a number would be taken for the number of a passage."""
    return _MARK.sub(r"(\1)", text)


def best_sentences(question: str, passage: Passage, *, most: int) -> list[str]:
    """Return the sentences of a passage nearest to a question, in their order; of equals the earlier ones."""
    asked = stems(question)
    said = list(sentences(passage.text)) or [passage.title]
    ranked = sorted(range(len(said)), key=lambda place: (-len(asked & stems(said[place])), place))
    return [said[place] for place in sorted(ranked[:most])]
