"""The sample vault: what it says stands in the files it is made of, and its notes hang together."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import yaml
from markdown_it.token import Token

from apps.knowledge import tasks
from apps.knowledge.derivation import current_derivation
from apps.knowledge.importing import read_file
from apps.knowledge.markdown import Document, parse
from apps.knowledge.models import Chunk, Gap, Note, PublicNote
from apps.knowledge.names import names_of
from apps.knowledge.sample import VAULT, load
from apps.knowledge.services import edit_note, retire_note
from apps.knowledge.vault import read_folder
from monolith.testing.jobs import Jobs
from tests.benchmarks.search_questions import QUESTIONS

ROOT: Final = Path(__file__).parents[3]
NUMBER: Final = re.compile(
    r"(?:\d[\d.,]*\d|\d)(?: (?:km/h|km|mm|m|MB|bytes|s|h|seconds|minutes|days|knots?|degrees|connections|%))?(?!\w)"
)
TO_COME: Final = {"agent", "chat", "event", "home", "scheduler"}
"""What notes link to and the project does not have yet."""


@dataclass(frozen=True)
class Sample:
    """A note of the vault as its file says it."""

    names: Sequence[str]
    visibility: str
    document: Document
    sources: Sequence[str]


@cache
def vault() -> Mapping[str, Sample]:
    return {sample.names[0]: sample for sample in _read()}


def _read() -> Iterator[Sample]:
    for file in read_folder(VAULT):
        note = read_file(file)
        yield Sample(
            names=names_of(note.slug, note.content.title, note.content.aliases),
            visibility=note.front_matter.visibility or "",
            document=parse(note.content.body),
            sources=yaml.safe_load(file.text.split("---\n")[1])["sources"],
        )


every_note = pytest.mark.parametrize("slug", vault())


@cache
def words_of(path: str) -> str:
    return " ".join((ROOT / path).read_text(encoding="utf-8").split())


def tokens_of(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from tokens_of(token.children or ())


def claims_of(document: Document) -> Iterator[str]:
    """Yield what can be looked up of a note: names in code, and numbers."""
    for token in tokens_of(document.tokens):
        if token.type in ("code_inline", "fence", "code_block"):
            yield " ".join(token.content.split())
        elif token.type in ("text", "wiki_link"):
            yield from NUMBER.findall(token.content)


def stands_in(claim: str, path: str) -> bool:
    """Say whether a file has a claim; of a number with its unit, code need only have the number."""
    return says(
        words_of(path), claim.partition(" ")[0] if path.endswith(".py") and is_number(claim) else claim
    )


def says(text: str, claim: str) -> bool:
    if is_number(claim):
        # 80 is also written 80.0, and is not in 180, 3.80 or 80.5.
        return re.search(rf"(?<![\d.]){re.escape(claim)}(?:\.0)?(?!\.?\d)", text) is not None
    return claim in text


def is_number(claim: str) -> bool:
    return NUMBER.fullmatch(claim) is not None


@every_note
def test_what_a_note_claims_stands_in_its_sources(slug: str) -> None:
    sample = vault()[slug]
    stale = [
        claim
        for claim in claims_of(sample.document)
        if not any(stands_in(claim, source) for source in sample.sources)
    ]
    assert not stale, f"{slug}.md says what {', '.join(sample.sources)} no longer say"


def test_a_number_is_not_found_inside_another() -> None:
    assert not any(says(text, "12") for text in ("512", "120", "3.12", "12.5"))
    assert all(says(text, "12") for text in ("12", "12 km", "(12)", "12.", "12.0"))


def test_a_number_goes_with_its_unit() -> None:
    assert NUMBER.findall("12 km in 3.4 h, at 100 m and 7 hills") == ["12 km", "3.4 h", "100 m", "7"]


@every_note
def test_a_note_says_who_may_read_it_and_leads_on(slug: str) -> None:
    sample = vault()[slug]
    assert sample.visibility in ("public", "private")
    assert sample.document.links


def test_every_note_can_be_reached_from_the_first() -> None:
    owner = {name: slug for slug, sample in vault().items() for name in sample.names}
    reached, waiting = set[str](), ["fastmonolith"]
    while waiting:
        slug = waiting.pop()
        if slug not in reached:
            reached.add(slug)
            waiting += [owner[link.key] for link in vault()[slug].document.links if link.key in owner]
    assert reached == set(vault())


def test_no_two_notes_have_one_name() -> None:
    names = [name for sample in vault().values() for name in sample.names]
    assert len(names) == len(set(names))


def test_the_only_gaps_are_what_is_still_to_come() -> None:
    names = {name for sample in vault().values() for name in sample.names}
    links = {link.key for sample in vault().values() for link in sample.document.links}
    assert links - names == TO_COME


def test_the_notes_that_answer_the_questions_are_there() -> None:
    assert {slug for question in QUESTIONS for slug in question.notes} <= set(vault())
    assert len({question.text for question in QUESTIONS}) == 30


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_knowledge")
def test_loading_stores_and_publishes_notes_and_once_more_leaves_alone_what_people_did() -> None:
    assert load() == f"{len(vault())} notes new, 0 changed, 0 known, {len(TO_COME)} gaps new"
    public = {slug for slug, sample in vault().items() if sample.visibility == "public"}
    assert set(PublicNote.objects.values_list("slug", flat=True)) == public
    assert set(Gap.objects.values_list("key", flat=True)) == TO_COME
    assert len(set(Note.objects.values_list("x", "y"))) == len(vault())
    retire_note(slug="heat")
    edit_note(slug="gate", revision=1, body="Mine.")
    assert load() == f"0 notes new, 0 changed, {len(vault())} known, 0 gaps new"
    assert Note.objects.values_list("visibility", flat=True).get(slug="heat") == "private"
    assert Note.objects.values_list("body", flat=True).get(slug="gate") == "Mine."


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_knowledge")
def test_new_notes_are_embedded_by_a_job_and_not_while_somebody_waits(jobs: Jobs) -> None:
    load()
    assert set(Chunk.objects.values_list("embedder", flat=True)) == {"deferred"}

    (queued,) = jobs.enqueued(tasks.reconcile)
    (ran,) = [run for run in jobs.run_due() if run.id == queued.id]

    assert ran.result["derived"] == len(vault())
    assert not Note.objects.exclude(derivation=current_derivation()).exists()
    assert not Chunk.objects.filter(embedder="deferred").exists()
    load()
    assert not jobs.enqueued(tasks.reconcile)
