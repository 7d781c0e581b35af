"""The port that every embedder stands behind."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns texts into vectors of length 1, so that the cosine of two is their inner product."""

    @property
    def id(self) -> str:
        """Name the model and its version; vectors of different ids are never compared. At most 60 characters."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text, in order; any text has one, the empty one too."""
        ...
