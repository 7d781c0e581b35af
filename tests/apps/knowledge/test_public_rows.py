"""The tables of public rows are what the triggers make of the private ones, however those were changed."""

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from django.db import OperationalError, connections

from apps.knowledge.models import Chunk, Note, NoteLink, PublicChunk, PublicLink, PublicNote
from monolith import atomic, entering

NAMES: Final = ["alpha", "beta", "gamma", "delta"]
SAME_IN_BOTH: Final = {
    "id",
    "slug",
    "title",
    "names",
    "tags",
    "verification",
    "observed_at",
    "html",
    "derivation",
}


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
        link(note, position, target)
    return note


def link(note: Note, position: int, target: str) -> NoteLink:
    return NoteLink.objects.create(source=note, position=position, target=target, target_key=target)


def shown_links() -> list[tuple[str, str]]:
    return sorted(PublicLink.objects.values_list("source__slug", "target__slug"))


def expected_links() -> dict[Any, Any]:
    """Which public note each link of a public note should lead to, by the rule instead of by SQL."""
    public = list(Note.objects.filter(visibility="public"))
    expected = {}
    for one in NoteLink.objects.filter(source__in=public):
        named = [note for note in public if one.target_key in note.names]
        if named:
            expected[one.pk] = min((note.names.index(one.target_key), note.slug, note.pk) for note in named)[
                2
            ]
    return expected


def assert_in_step() -> None:
    public = Note.objects.filter(visibility="public").order_by("id")
    assert list(PublicNote.objects.order_by("id").values(*SAME_IN_BOTH)) == list(public.values(*SAME_IN_BOTH))
    assert list(PublicNote.objects.order_by("id").values_list("x", "y")) == list(
        public.values_list("public_x", "public_y")
    )
    fields = [field.attname for field in PublicChunk._meta.concrete_fields]
    chunks = Chunk.objects.filter(note__visibility="public").order_by("id")
    assert list(PublicChunk.objects.order_by("id").values(*fields)) == list(chunks.values(*fields))
    assert dict(PublicLink.objects.values_list("id", "target_id")) == expected_links()


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_knowledge")
class TestInOneTransaction:
    def test_only_public_notes_have_public_rows(self) -> None:
        made("open", public=True)
        made("closed", public=False)
        assert [note.slug for note in PublicNote.objects.all()] == ["open"]
        assert [chunk.text for chunk in PublicChunk.objects.all()] == ["open"]

    def test_vector_and_words_arrive_whole(self) -> None:
        made("open", public=True)
        chunk, public = Chunk.objects.get(), PublicChunk.objects.get()
        assert chunk.embedding == public.embedding == [1.0, 0.0]
        assert chunk.search == public.search == "'open':1A,2"

    def test_links_are_shown_while_both_ends_are_public(self) -> None:
        made("from", public=True, links=("to", "nowhere"))
        to = made("to", public=False)
        assert shown_links() == []
        Note.objects.filter(pk=to.pk).update(visibility="public")
        assert shown_links() == [("from", "to")]
        Note.objects.filter(slug="from").update(visibility="private")
        assert shown_links() == []

    def test_a_private_note_does_not_hide_a_public_one_of_the_same_name(self) -> None:
        made("from", public=True, links=("roadmap",))
        made("plan", public=True, aliases=["roadmap"])
        assert shown_links() == [("from", "plan")]
        closed = made("roadmap", public=False)  # for those who see it, it has the better right to the name
        assert shown_links() == [("from", "plan")]
        Note.objects.filter(pk=closed.pk).update(visibility="public")
        assert shown_links() == [("from", "roadmap")]
        Note.objects.filter(pk=closed.pk).delete()
        assert shown_links() == [("from", "plan")]

    def test_what_the_public_cannot_see_leaves_its_row_untouched(self) -> None:
        note = made("open", public=True)
        made("closed", public=False)
        before = self.physical()
        Note.objects.update(x=1, y=2, revision=9, aliases=["a"], imported_hash="f" * 64, body="other")
        Note.objects.filter(slug="closed").update(title="Other", names=["open"])
        assert self.physical() == before
        Note.objects.filter(pk=note.pk).update(public_x=5)
        moved = PublicNote.objects.get()
        assert (moved.x, moved.updated_at == before[0][2], moved.placed_at > before[0][3]) == (5, True, True)

    def physical(self) -> list[Any]:
        """Public rows with PostgreSQL's own columns, which change with every write."""
        with connections["knowledge"].cursor() as cursor:
            cursor.execute("SELECT ctid::text, xmax::text, updated_at, placed_at FROM knowledge_public_note")
            return list(cursor.fetchall())

    @pytest.mark.parametrize("seed", range(6))
    def test_any_changes_in_any_order_keep_them_in_step(self, seed: int) -> None:
        chance = random.Random(seed)
        for number, name in enumerate(NAMES):
            made(name, public=chance.random() < 0.5, links=tuple(chance.choices(NAMES, k=number)))
        for _ in range(25):
            self.change(chance)
            assert_in_step()

    def change(self, chance: random.Random) -> None:
        notes = list(Note.objects.order_by("slug"))
        missing = [name for name in NAMES if name not in {note.slug for note in notes}]
        if missing and (len(notes) < 2 or chance.random() < 0.2):
            made(missing[0], public=chance.random() < 0.5, links=tuple(chance.choices(NAMES, k=2)))
            return
        note = chance.choice(notes)
        itself, links = Note.objects.filter(pk=note.pk), NoteLink.objects.filter(source=note)
        chunks, position = Chunk.objects.filter(note=note), chance.randrange(1, 30_000)
        changes: list[Callable[[], object]] = [
            lambda: itself.update(visibility="public"),
            lambda: itself.update(visibility="private"),
            lambda: Note.objects.update(visibility=chance.choice(["public", "private"])),
            lambda: itself.update(names=[note.slug, *chance.sample(NAMES, 2)]),
            lambda: itself.update(title="New", tags=["x"], public_y=chance.random()),
            lambda: itself.delete(),
            lambda: link(note, position, chance.choice(NAMES)),
            lambda: links.update(target_key=chance.choice(NAMES)),
            lambda: links.filter(position=0).update(source=chance.choice(notes), position=position),
            lambda: links.delete(),
            lambda: chunks.update(text="other", embedding=[0, 1, 0]),
            lambda: chunks.delete(),
            lambda: Chunk.objects.create(note=note, position=position, embedder="other", embedding=[1]),
        ]
        chance.choice(changes)()


@contextmanager
def session() -> Iterator[psycopg.Connection[Any]]:
    """A connection of the module's own role, beside Django's."""
    options = connections["knowledge"].get_connection_params()
    login = {name: options[name] for name in ("host", "port", "dbname", "user", "passfile")}
    with psycopg.connect(**login) as connection:
        yield connection


@pytest.mark.usefixtures("committed_db")
class TestInTwoTransactionsAtOnce:
    """What one of them cannot see of the other is there once both have committed."""

    def run(self, first: str, second: str) -> None:
        """Begin both, in this order; the second waits for the first, or does not have to."""
        with session() as one, session() as other:
            one.execute(first.encode())

            def finish() -> None:
                other.execute(second.encode())
                other.commit()

            waiting = threading.Thread(target=finish)
            waiting.start()
            waiting.join(0.3)  # long enough to get past the point where it should wait, if it does not
            one.commit()
            waiting.join(10)
        with entering("knowledge"):
            assert_in_step()

    def test_both_ends_of_a_link_are_published(self) -> None:
        with entering("knowledge"):
            made("from", public=False, links=("to",))
            made("to", public=False)
        publish = "UPDATE knowledge_note SET visibility = 'public' WHERE slug = '{}'"
        self.run(publish.format("from"), publish.format("to"))
        with entering("knowledge"):
            assert shown_links() == [("from", "to")]

    @pytest.mark.parametrize("to", ["public", "private"])
    def test_a_note_changes_hands_while_it_gets_a_chunk_and_a_link(self, to: str) -> None:
        with entering("knowledge"):
            note = made("open", public=to == "private")
            made("to", public=True)
        move = f"UPDATE knowledge_note SET visibility = '{to}' WHERE slug = 'open'"
        chunk = (
            "INSERT INTO knowledge_chunk (id, note_id, position, title, section, anchor, text, embedder, embedding) "
            f"VALUES ('{uuid4()}', '{note.pk}', 7, '', '', '', '', 'e', '[1]')"
        )
        link_to = (
            "INSERT INTO knowledge_notelink (id, source_id, position, kind, target, target_key, anchor) "
            f"VALUES ('{uuid4()}', '{note.pk}', 7, 'link', 'to', 'to', '')"
        )
        self.run(move, chunk)
        with entering("knowledge"):
            Note.objects.filter(slug="open").update(visibility="private" if to == "public" else "public")
        self.run(move, link_to)

    def test_many_who_publish_retire_and_relink_do_not_wait_for_each_other_in_a_circle(self) -> None:
        with entering("knowledge"):
            for name in NAMES:
                made(name, public=False, links=tuple(NAMES))
        failures: list[Exception] = []

        def work(seed: int) -> None:
            try:
                with entering("knowledge"):
                    chance = random.Random(seed)
                    for _ in range(30):
                        self.change(chance)
            except OperationalError as error:  # a deadlock is one
                failures.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with entering("knowledge"):
            assert_in_step()

    def change(self, chance: random.Random) -> None:
        """Do what services do, in their order of locks."""
        with atomic():
            note = Note.objects.select_for_update().get(slug=chance.choice(NAMES))
            note.visibility = chance.choice(["public", "private"])
            note.names = [note.slug, chance.choice(NAMES)]
            note.save()
            NoteLink.objects.filter(source=note).delete()
            for position in range(3):
                link(note, position, chance.choice(NAMES))
