"""Search finds what newcomers ask for in the vault that ships: tests/benchmarks/search_quality.py has the numbers."""

import pytest

from apps.knowledge.embeddings.minilm import MiniLMEmbedder
from apps.knowledge.sample import load
from apps.knowledge.search import SearchMode
from tests.benchmarks.search_quality import TARGET, quality


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_knowledge")
def test_hybrid_search_with_the_model_has_nine_of_ten_answers_in_its_first_three() -> None:
    load(embedder=MiniLMEmbedder())
    found = quality(SearchMode.HYBRID, MiniLMEmbedder())
    assert found.recall >= TARGET, f"not in the first three: {found.missed}"
    assert found.mrr > quality(SearchMode.TEXT, MiniLMEmbedder()).mrr
