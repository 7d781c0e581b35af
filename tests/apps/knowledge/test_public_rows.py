"""The tables of public rows are what the triggers make of the private ones, however those were changed."""

import hashlib
from typing import Any

import pytest

from apps.knowledge.models import Chunk, Note, NoteLink, PublicChunk, PublicLink, PublicNote

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]


def made(slug: str, *, public: bool, aliases: list[str] | None = None, links: tuple[str, ...] = ()) -> Note:
    note = Note.objects.create(
        slug=slug,
        title=slug.title(),
        body="text",
        visibility="public" if public else "private",
        content_hash=hashlib.sha256(slug.encode()).hexdigest(),
        names=[slug, *(aliases or [])],
        html=f"<p>{slug}</p>",
        derivation="test",
    )
    Chunk.objects.create(
        note=note, position=0, title=note.title, text=slug, embedder="test", embedding=[1, 0]
    )
    for position, target in enumerate(links):
        NoteLink.objects.create(source=note, position=position, target=target, target_key=target)
    return note


def shown_links() -> list[tuple[str, str]]:
    return sorted(PublicLink.objects.values_list("source__slug", "target__slug"))


def test_only_public_notes_have_public_rows() -> None:
    made("open", public=True)
    made("closed", public=False)
    assert [note.slug for note in PublicNote.objects.all()] == ["open"]
    assert [chunk.text for chunk in PublicChunk.objects.all()] == ["open"]


def test_vector_and_words_arrive_whole() -> None:
    made("open", public=True)
    chunk, public = Chunk.objects.get(), PublicChunk.objects.get()
    assert (chunk.embedding, public.embedding) == ([1.0, 0.0], [1.0, 0.0])
    assert chunk.search == public.search == "'open':1A,2"


def test_links_appear_when_both_ends_are_public() -> None:
    made("from", public=True, links=("to", "nowhere"))
    to = made("to", public=False)
    assert shown_links() == []
    Note.objects.filter(pk=to.pk).update(visibility="public")
    assert shown_links() == [("from", "to")]
    Note.objects.filter(slug="from").update(visibility="private")
    assert shown_links() == []
