"""Words and sentences of English text: what a responder compares and quotes. Plain Python, no state."""

import re
from collections.abc import Iterator
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
# A sentence ends at a mark that is followed by space and something that begins one; so not in "10 % a.m." or `api.py`.
_END: Final = re.compile(r"(?<=[.!?:])\s+(?=[\"'“(\[]?[A-Z0-9`/])|\n{2,}")
# Words that say nothing about what is asked. Also those that every question is made of.
_FUNCTION_WORDS: Final = """
    a about after all also am an and any are as at be because been before being but by can could did do does doing done
    each else for from get gets given had has have having he her here him his how i if in instead into is it its just
    kind kinds know like long many may me mean means more most much must my no nor not of off on once one only or other
    our out own please say says shall she should so some somebody someone something somewhere such take takes tell than
    that the their them then there these they thing things this those through to too under until up us use used very
    was we were what when where whether which while who whom whose why will with would you your
"""
STOP_WORDS: Final = frozenset(_FUNCTION_WORDS.split())
_SUFFIXES: Final = (
    "ations",
    "ation",
    "ings",
    "ing",
    "ments",
    "ment",
    "ers",
    "er",
    "ies",
    "ied",
    "ed",
    "es",
    "s",
    "e",
    "y",
)
_SHORTEST_STEM: Final = 3
MAX_SENTENCE: Final = 400  # characters; a longer one is a table or a list, and is cut


def stem(word: str) -> str:
    """Return what the forms of a word have in common, roughly: stored, stores and storing are one."""
    word = word.casefold()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return _single(word.removesuffix(suffix))
    return _single(word)


def stems(text: str) -> frozenset[str]:
    """Return the stems of a text's words, those that say nothing left out."""
    return frozenset(stem(word) for word in _WORD.findall(text) if word.casefold() not in STOP_WORDS)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text in order, each in one line, long ones cut."""
    for raw in _END.split(text):
        sentence = " ".join(raw.split())
        if sentence:
            yield sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[: MAX_SENTENCE - 1]}…"


def _single(word: str) -> str:
    """Undo the doubled last letter of "stopped"."""
    return (
        word[:-1] if len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "aeiou" else word
    )
