"""How well search finds the notes of the sample vault that answer what newcomers ask.

    python tests/benchmarks/search_quality.py

Starts a PostgreSQL of its own in a throw-away directory, loads the sample vault and asks the thirty questions of
`search_questions.py` in each way: hybrid, with the model and with hashing; full text alone; vectors alone. Prints for how
many a right note is among the first three (recall@3), the mean reciprocal rank of the first right one (MRR, 0 beyond the
tenth), how long a search takes, and what was missed.

Exits 1 when hybrid search with the model finds less than 90 % in the first three.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.benchmarks.ingest import running_database  # noqa: E402 (after the path)
from tests.benchmarks.search_questions import QUESTIONS, Question  # noqa: E402

if TYPE_CHECKING:
    from apps.knowledge.embeddings.port import Embedder
    from apps.knowledge.search import SearchMode

TARGET: Final = 0.9
TOP: Final = 3
DEPTH: Final = 10


@dataclass(frozen=True, slots=True)
class Quality:
    """How the questions were answered in one way of searching."""

    ranks: dict[str, int | None]  # of the first right note, by question; None beyond DEPTH
    milliseconds: float  # per search

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / len(self.ranks)

    @property
    def mrr(self) -> float:
        return sum(1 / rank for rank in self.ranks.values() if rank) / len(self.ranks)

    @property
    def missed(self) -> list[str]:
        return [text for text, rank in self.ranks.items() if rank is None or rank > TOP]


def quality(mode: "SearchMode", embedder: "Embedder") -> Quality:
    """Ask every question of the loaded vault, as staff: all notes may be found. Runs as knowledge."""
    _rank(QUESTIONS[0], mode, embedder)  # loads the model
    started = time.perf_counter()
    ranks = {question.text: _rank(question, mode, embedder) for question in QUESTIONS}
    return Quality(ranks, (time.perf_counter() - started) * 1000 / len(QUESTIONS))


def _rank(question: Question, mode: "SearchMode", embedder: "Embedder") -> int | None:
    from apps.knowledge import search

    asked = search.Question(text=question.text, mode=mode, limit=DEPTH)
    hits = search.search_all(asked, asked_by="benchmark", embedder=embedder).hits
    return next((rank for rank, hit in enumerate(hits, start=1) if hit.slug in question.notes), None)


def embed_again(embedder: "Embedder") -> None:
    """Give every chunk another embedder's vector. Runs as knowledge."""
    from apps.knowledge.content import written
    from apps.knowledge.derivation import derive
    from apps.knowledge.models import Chunk, Note

    for note in Note.objects.all():
        derived = derive(note.slug, written(note), embedder=embedder)
        for position, vector in enumerate(derived.vectors):
            Chunk.objects.filter(note=note, position=position).update(
                embedder=derived.embedder, embedding=vector
            )


def main() -> int:
    with running_database():
        from apps.knowledge.embeddings.hashing import HashingEmbedder
        from apps.knowledge.embeddings.minilm import MiniLMEmbedder
        from apps.knowledge.models import Chunk
        from apps.knowledge.sample import load
        from apps.knowledge.search import SearchMode
        from monolith import entering

        started = time.perf_counter()
        print(f"{load(embedder=MiniLMEmbedder())}; {time.perf_counter() - started:.1f} s")
        with entering("knowledge"):
            print(f"{Chunk.objects.count()} chunks, {len(QUESTIONS)} questions\n")
            model, hashing = MiniLMEmbedder(), HashingEmbedder()
            found = quality(SearchMode.HYBRID, model)
            show("hybrid, model", found)
            show("vector, model", quality(SearchMode.VECTOR, model))
            show("full text", quality(SearchMode.TEXT, model))
            embed_again(hashing)
            show("hybrid, hashing", quality(SearchMode.HYBRID, hashing))
            show("vector, hashing", quality(SearchMode.VECTOR, hashing))
    met = found.recall >= TARGET
    print(f"target {TARGET:.0%} for hybrid search with the model: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def show(label: str, result: Quality) -> None:
    print(
        f"{label:<16} recall@{TOP} {result.recall:6.1%}   MRR {result.mrr:.3f}   {result.milliseconds:5.1f} ms a search"
    )
    for text in result.missed:
        print(f"    {result.ranks[text] or '-':>3}  {text}")


if __name__ == "__main__":
    sys.exit(main())
