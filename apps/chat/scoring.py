"""What words cost their author in trust: a port, and rules that look at the words alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from django.conf import settings

_LINK: Final = re.compile(r"https?://", re.IGNORECASE)
_RUN: Final = re.compile(r"(\S)\1{29,}")
_WORD: Final = re.compile(r"[^\W_]+")
MAX_LINKS: Final = 5
MAX_REPEATS: Final = 2  # the same words once more are a mistake, again and again they are a flood
LOUD_LETTERS: Final = 20
LOUD_SHARE: Final = 0.8

# Locked is below 40 of 100: three blocked words in a day, or a flood of a few minutes.
BLOCKED_POINTS: Final = 25
FLOOD_POINTS: Final = 15
LINKS_POINTS: Final = 15
LOUD_POINTS: Final = 5
RUN_POINTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What words cost, and why."""

    points: int = 0
    reasons: tuple[str, ...] = ()


class Scorer(Protocol):
    """Says what words cost. It may raise: then they cost nothing, and that is recorded."""

    def score(self, *, text: str, recent: Sequence[str]) -> Verdict:
        """Judge `text` of somebody who said `recent` in the last minutes."""
        ...


class RulesScorer:
    """Floods, shouting, many links, long runs of one character, and the words in CHAT_BLOCKED_WORDS."""

    def score(self, *, text: str, recent: Sequence[str]) -> Verdict:
        found = list(_findings(text, recent))
        return Verdict(points=sum(points for points, _ in found), reasons=tuple(why for _, why in found))


def _findings(text: str, recent: Sequence[str]) -> list[tuple[int, str]]:
    letters = [letter for letter in text if letter.isalpha()]
    loud = len(letters) >= LOUD_LETTERS and sum(map(str.isupper, letters)) > LOUD_SHARE * len(letters)
    blocked = {str(word).casefold() for word in getattr(settings, "CHAT_BLOCKED_WORDS", ())}
    said = {word.casefold() for word in _WORD.findall(text)}
    checks = (
        (BLOCKED_POINTS * len(said & blocked), "blocked word", bool(said & blocked)),
        (FLOOD_POINTS, "said again and again", recent.count(text) >= MAX_REPEATS),
        (LINKS_POINTS, f"more than {MAX_LINKS} links", len(_LINK.findall(text)) > MAX_LINKS),
        (LOUD_POINTS, "capitals throughout", loud),
        (RUN_POINTS, "one character over and over", _RUN.search(text) is not None),
    )
    return [(points, why) for points, why, holds in checks if holds]
