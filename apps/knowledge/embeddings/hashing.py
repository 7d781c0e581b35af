"""The embedder that is always there: features of the text itself, hashed into a fixed number of places.

The hashing trick with signs (Weinberger et al., 2009) over words and the letter n-grams inside them (as in fastText):
texts are near when they share words, or parts of words. It knows no synonyms; the model in `minilm.py` does.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from math import log, sqrt
from typing import Final

WORD: Final = re.compile(r"[^\W_]+")
GRAM_LENGTHS: Final = (3, 4, 5)
WORD_WEIGHT: Final = 1.0
# Of all of a word's n-grams together. More finds other forms of a word, and other words that merely look like it.
GRAMS_WEIGHT: Final = 0.7
# Words that say nothing about a text's subject; without counts over all texts they would drown the rest.
_FUNCTION_WORDS: Final = """
    a about after all also am an and any are as at be because been before being but by can could did do
    does doing done each for from get gets had has have having he her here him his how i if in into is
    it its just like me more most my no nor not of off on once one only or other our out own she should
    so some such than that the their them then there these they this those through to too under until up
    us very was we were what when where which while who whom whose why will with would you your
"""
STOP_WORDS: Final = frozenset(_FUNCTION_WORDS.split())


class HashingEmbedder:
    """Pure Python, no state: the same text gives the same vector in every process."""

    id = "hashing-v1"
    dimensions = 384

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dimensions
        vector[0] = 1e-9  # a direction for texts without words, or whose words cancel out
        for word, count in Counter(_words(text)).items():
            share = 1 + log(count)
            for place, weight in _features(word, self.dimensions):
                vector[place] += share * weight
        length = sqrt(sum(number * number for number in vector))
        return [number / length for number in vector]


def _words(text: str) -> list[str]:
    """Return the words that say something, or all of them if none does."""
    words = WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return [word for word in words if word not in STOP_WORDS] or words


def _features(word: str, dimensions: int) -> tuple[tuple[int, float], ...]:
    """Return the places of a word and of its n-grams in a vector, with signed weights."""
    edged = f"<{word}>"
    grams = [edged[start : start + n] for n in GRAM_LENGTHS for start in range(len(edged) - n + 1)]
    each = GRAMS_WEIGHT / sqrt(len(grams))
    return (
        _place(f"={word}", WORD_WEIGHT, dimensions),
        *(_place(gram, each, dimensions) for gram in grams),
    )


def _place(feature: str, weight: float, dimensions: int) -> tuple[int, float]:
    # Not hash(): it differs between processes. The sign makes collisions cancel instead of adding up.
    number = int.from_bytes(blake2b(feature.encode(errors="replace"), digest_size=8).digest())
    return (number >> 1) % dimensions, weight if number & 1 else -weight
