"""Which embedder this process uses."""

from functools import cache

from apps.knowledge.embeddings.hashing import HashingEmbedder
from apps.knowledge.embeddings.minilm import MiniLMEmbedder, installed
from apps.knowledge.embeddings.port import Embedder


@cache
def default_embedder() -> Embedder:
    """Return the model where the extra `embeddings` is installed, else the hashing embedder; always the same object."""
    return MiniLMEmbedder() if installed() else HashingEmbedder()
