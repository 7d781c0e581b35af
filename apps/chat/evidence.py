"""What the notes have about a question. Runs as chat; asks knowledge, so no transaction may be open.

How much a passage has to do with a question is the mean of two shares: of the question's words that stand in it, and of
the nearness in meaning that a good answer has. The order alone says nothing about that: something is always first.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from apps.chat.responders.port import Passage
from apps.chat.words import stems
from contracts.knowledge import Hit, Knowledge, Verification, Visible
from monolith.contracts import acting, deadline, require

LOOKED_AT: Final = 10  # hits of a search
USED: Final = 3  # at most so many passages make an answer
# Below it a passage is about something else. Raise it and more questions are declined that have an answer.
ENOUGH: Final = 0.47
# A passage that is so much less likely than the best one is left out.
NEAR_BEST: Final = 0.75
# The cosine of question and passage that a good answer has, by the beginning of the embedder's id.
GOOD_SIMILARITY: Final[Mapping[str, float]] = {"all-MiniLM-L6-v2": 0.55, "hashing": 0.45}
UNKNOWN_EMBEDDER: Final = 0.55
SEARCH_S: Final = 5.0


def find_passages(question: str, *, visible: Visible, asked_by: str) -> list[Passage]:
    """Return the passages that may answer, the likeliest first; none when the notes do not say it. Raises CallError."""
    with acting(actor=asked_by), deadline(SEARCH_S):
        found = require(Knowledge).search(text=question, visible=visible, limit=LOOKED_AT)
        asked = stems(question)
        good = good_similarity(found.embedder)
        rated = sorted(
            ((confidence(asked, hit, good=good), -place, hit) for place, hit in enumerate(found.hits)),
            key=lambda each: each[:2],
            reverse=True,
        )
        chosen = [(sure, hit) for sure, _, hit in rated if sure >= max(ENOUGH, NEAR_BEST * rated[0][0])]
        disputed = _disputed([hit.slug for _, hit in chosen[:USED]], visible)
    return [_passage(hit, sure, disputed=hit.slug in disputed) for sure, hit in chosen[:USED]]


def confidence(asked: frozenset[str], hit: Hit, *, good: float) -> float:
    """Return how likely a passage is about what was asked, from 0 to 1."""
    has = stems(f"{hit.title} {hit.section} {hit.passage}")
    by_words = len(asked & has) / len(asked) if asked else 0.0
    return (by_words + min((hit.similarity or 0.0) / good, 1.0)) / 2


def good_similarity(embedder: str) -> float:
    """Return the cosine that a good answer has by an embedder."""
    known = (good for name, good in GOOD_SIMILARITY.items() if embedder.startswith(name))
    return next(known, UNKNOWN_EMBEDDER)


def _disputed(slugs: Sequence[str], visible: Visible) -> set[str]:
    if not slugs:
        return set()
    notes = require(Knowledge).get_notes(slugs=list(slugs), visible=visible)
    return {note.slug for note in notes if note.verification is Verification.DISPUTED}


def _passage(hit: Hit, sure: float, *, disputed: bool) -> Passage:
    return Passage(
        slug=hit.slug,
        title=hit.title,
        section=hit.section,
        anchor=hit.anchor,
        text=hit.passage,
        confidence=sure,
        disputed=disputed,
    )
