"""Search on the real database: both lists, their fusion, and who sees what."""

from collections.abc import Sequence

import pytest

from apps.knowledge import services
from apps.knowledge.content import content_of
from apps.knowledge.models import Chunk, Note, SearchAudit
from apps.knowledge.search import Found, Question, SearchMode, search_all, search_public

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]


def write(title: str, body: str, *, public: bool = True, tags: Sequence[str] = ()) -> Note:
    note = services.create_note(content=content_of(title=title, body=body, tags=tags))
    return services.show_note(slug=note.slug) if public else note


def slugs(found: Found) -> list[str]:
    return [hit.slug for hit in found.hits]


@pytest.fixture
def wiki(in_knowledge: None) -> None:
    write("Relay", "The relay moves committed rows from the outbox to the broker.", tags=["events"])
    write(
        "Outbox",
        "One row per event, in the caller's transaction.\n\n## Retention\n\nRows are kept for a day.",
    )
    write("Lease", "A worker holds a lease by the database clock.", tags=["jobs"])
    write("Secret plan", "The relay and the outbox will be sold to the broker.", public=False)


@pytest.mark.usefixtures("wiki")
@pytest.mark.parametrize("mode", SearchMode)
def test_every_mode_finds_the_note_that_answers(mode: SearchMode) -> None:
    assert (
        slugs(search_public(Question(text="what moves outbox rows to the broker", mode=mode)))[0] == "relay"
    )


@pytest.mark.usefixtures("wiki")
def test_a_hit_names_the_section_and_quotes_it() -> None:
    hit = search_public(Question(text="kept for a day", mode=SearchMode.TEXT)).hits[0]
    assert (hit.slug, hit.section, hit.anchor) == ("outbox", "Retention", "section-retention")
    assert hit.excerpt == "Rows are kept for a day."
    assert (hit.words_rank, hit.meaning_rank, hit.similarity) == (1, None, None)


@pytest.mark.usefixtures("wiki")
def test_ranks_are_fused_reciprocally() -> None:
    for hit in search_public(Question(text="relay outbox broker")).hits:
        ranks = [rank for rank in (hit.words_rank, hit.meaning_rank) if rank]
        assert hit.score == pytest.approx(sum(1 / (60 + rank) for rank in ranks))


@pytest.mark.usefixtures("wiki")
def test_private_notes_are_found_only_by_who_may_and_leave_a_record() -> None:
    question = Question(text="sold")
    assert "secret-plan" not in slugs(search_public(question))
    assert not SearchAudit.objects.exists()
    assert slugs(search_all(question, asked_by="user:1"))[0] == "secret-plan"
    audit = SearchAudit.objects.get()
    assert (audit.asked_by, audit.query, audit.mode) == ("user:1", "sold", "hybrid")


@pytest.mark.usefixtures("wiki")
def test_what_the_public_finds_is_the_same_with_and_without_private_notes() -> None:
    question = Question(text="relay outbox broker")
    with_private = search_public(question)
    Note.objects.filter(visibility="private").delete()
    assert search_public(question) == with_private


@pytest.mark.usefixtures("wiki")
def test_vectors_of_another_embedder_are_not_compared() -> None:
    question = Question(text="what moves outbox rows", mode=SearchMode.VECTOR)
    assert slugs(search_public(question))
    Chunk.objects.update(embedder="another")
    assert slugs(search_public(question)) == []


@pytest.mark.usefixtures("wiki")
def test_vectors_of_other_dimensions_stand_beside() -> None:
    Chunk.objects.filter(note__slug="lease").update(embedder="tiny", embedding=[0.6, 0.8])
    question = Question(text="what moves outbox rows", mode=SearchMode.VECTOR)
    assert "lease" not in slugs(search_public(question))


@pytest.mark.usefixtures("wiki")
def test_a_tag_narrows_the_search() -> None:
    assert slugs(search_public(Question(text="relay lease", tag="jobs"))) == ["lease"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relay -outbox", []),  # a minus is taken by the word
        ('"committed rows"', ["relay"]),
        ('"rows committed"', []),
        ("lease OR zebra", ["lease"]),
        ("the of and", []),
        ("'; DROP TABLE knowledge_note; --", []),
        ("%(k)s {note} %s", []),
        ("\\ ' \" & | ! ( ) : * <->", []),
    ],
)
@pytest.mark.usefixtures("wiki")
def test_the_words_of_a_question_are_only_words(text: str, expected: list[str]) -> None:
    found = slugs(search_public(Question(text=text, mode=SearchMode.TEXT)))
    assert set(expected) <= set(found)
    if not expected:
        assert found == []


@pytest.mark.usefixtures("wiki")
def test_pages_do_not_overlap_and_agree_on_the_total() -> None:
    whole = search_public(Question(text="relay outbox rows lease"))
    pages = [search_public(Question(text="relay outbox rows lease", limit=1, offset=n)) for n in range(5)]
    assert [hit for page in pages for hit in page.hits] == list(whole.hits)
    assert {page.total for page in pages} == {whole.total}
