"""Embedders: what each of them keeps, and what they can tell apart."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from math import isclose, sqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.knowledge.embeddings.embedders import default_embedder
from apps.knowledge.embeddings.hashing import HashingEmbedder
from apps.knowledge.embeddings.minilm import MAX_TOKENS, MiniLMEmbedder
from apps.knowledge.embeddings.port import Embedder

ROOT = Path(__file__).parents[3]
EMBEDDERS: list[Embedder] = [HashingEmbedder(), MiniLMEmbedder()]
every_embedder = pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda embedder: embedder.id)


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def length(vector: list[float]) -> float:
    return sqrt(cosine(vector, vector))


@every_embedder
def test_a_vector_has_the_dimensions_that_are_said_and_length_one(embedder: Embedder) -> None:
    vectors = embedder.embed(["a role", "the passfile of the migrating job", "tide"])
    assert [len(vector) for vector in vectors] == [embedder.dimensions] * 3
    assert all(isclose(length(vector), 1, abs_tol=1e-6) for vector in vectors)


@every_embedder
@pytest.mark.parametrize("text", ["", "   ", "?!", "the", "\ud800", "\x00", "🏔" * 5000, "word " * 5000])
def test_any_text_has_a_vector(embedder: Embedder, text: str) -> None:
    assert isclose(length(embedder.embed([text])[0]), 1, abs_tol=1e-6)


@given(text=st.text())
def test_no_text_is_without_direction_when_hashed(text: str) -> None:
    assert isclose(length(HashingEmbedder().embed([text])[0]), 1, abs_tol=1e-6)


@every_embedder
def test_no_texts_have_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]) == []


@every_embedder
def test_the_vector_of_a_text_does_not_depend_on_the_texts_beside_it(embedder: Embedder) -> None:
    alone = embedder.embed(["who may read a draft"])
    assert embedder.embed(["short", "who may read a draft", "long " * 400])[1:2] == alone


@every_embedder
def test_a_text_is_nearest_to_the_text_about_the_same(embedder: Embedder) -> None:
    texts = ["passwords of database roles", "when the moon rises", "tracks of vessels"]
    asked, *answers = embedder.embed(["password for a role of the database", *texts])
    scores = [cosine(asked, answer) for answer in answers]
    assert scores.index(max(scores)) == 0
    assert scores[0] > 0.4


def test_the_model_knows_other_words_for_the_same() -> None:
    asked, same, other = MiniLMEmbedder().embed(["boats at sea", "ships on the ocean", "notes on the desk"])
    assert cosine(asked, same) > 0.6 > 0.3 > cosine(asked, other)


def test_the_model_computes_what_its_authors_compute() -> None:
    # The example and the numbers of the model's page, which are those of unrounded weights.
    asked, *others = MiniLMEmbedder().embed(
        [
            "That is a happy person",
            "That is a happy dog",
            "That is a very happy person",
            "Today is a sunny day",
        ]
    )
    assert [cosine(asked, other) for other in others] == pytest.approx([0.695, 0.943, 0.257], abs=0.005)


def test_the_model_reads_no_further_than_it_was_trained_for() -> None:
    start = "tide " * (MAX_TOKENS - 2)  # the marks of beginning and end are tokens too
    short, longer, other = MiniLMEmbedder().embed([start, start + "harbour " * 50, "harbour " * 50 + start])
    assert short == longer != other


def test_hashed_vectors_are_the_same_in_another_process() -> None:
    code = (
        "from apps.knowledge.embeddings.hashing import HashingEmbedder;"
        "print(HashingEmbedder().embed(['Wer wandert, sieht die Sterne: 57° N'])[0])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "1"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.strip() == str(HashingEmbedder().embed(["Wer wandert, sieht die Sterne: 57° N"])[0])


def test_hashed_vectors_of_a_version_never_change() -> None:
    """Stored vectors are compared with new ones. Whoever changes the features gives the embedder a new id."""
    vector = HashingEmbedder().embed(["one role per module, one schema per module"])[0]
    largest = {place: round(number, 3) for place, number in enumerate(vector) if abs(number) > 0.25}
    assert (HashingEmbedder.id, largest) == (
        "hashing-v1",
        {164: -0.452, 245: -0.299, 277: -0.299, 323: 0.506},
    )


def test_the_two_embedders_have_ids_of_their_own_that_fit_their_column() -> None:
    ids = {embedder.id for embedder in EMBEDDERS}
    assert len(ids) == 2
    assert all(len(name) <= 60 for name in ids)


def test_threads_share_one_model() -> None:
    embedder = MiniLMEmbedder()
    with ThreadPoolExecutor(4) as threads:
        vectors = list(threads.map(lambda _: embedder.embed(["four readers at once"])[0], range(8)))
    assert all(vector == vectors[0] for vector in vectors)


def test_the_model_leaves_nothing_on_disk(tmp_path: Path) -> None:
    # What its runtime reports to its maker it queues in the home or the temporary folder.
    code = "from apps.knowledge.embeddings.minilm import MiniLMEmbedder; MiniLMEmbedder().embed(['a note'])"
    # In what looks like a CI or a test it reports nothing anyway.
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "ORT_DISABLE_TELEMETRY"}}
    subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        check=True,
        timeout=60,
    )
    assert list(tmp_path.iterdir()) == []


def test_the_model_is_used_where_its_extra_is_installed() -> None:
    assert default_embedder().id == MiniLMEmbedder().id
    assert default_embedder() is default_embedder()


def test_without_the_extra_the_hashing_embedder_is_used() -> None:
    # A process that cannot see the site-packages has nothing but the standard library.
    code = "from apps.knowledge.embeddings.embedders import default_embedder; print(default_embedder().id)"
    run = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.strip() == HashingEmbedder.id
