"""What knowledge tells of notes and gaps."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import reverse

from apps.knowledge.announcing import untold
from apps.knowledge.content import content_of
from apps.knowledge.disputes import raise_dispute, settle_dispute
from apps.knowledge.gaps import discover_gaps, review_gap
from apps.knowledge.importing import import_notes
from apps.knowledge.models import DisputeStatus, Gap, GapStatus, Note
from apps.knowledge.services import (
    create_note,
    derive_again,
    edit_note,
    remove_note,
    retire_note,
    show_note,
    write_note,
)
from apps.knowledge.vault import VaultFile
from contracts.knowledge import GapOpened, NoteChanged, NoteTombstoned
from monolith import atomic, entering
from monolith.events import outbox
from monolith.testing.events import Events

pytestmark = pytest.mark.django_db(databases="__all__")
in_knowledge = pytest.mark.usefixtures("in_knowledge")

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)


def note(title: str = "Tide", body: str = "Two a day.") -> Note:
    return create_note(content=content_of(title=title, body=body))


def changes(events: Events) -> list[tuple[str, int, bool, str]]:
    return [
        (event.slug, event.revision, event.is_public, event.verification)
        for event in events.published(NoteChanged)
    ]


@in_knowledge
def test_each_edit_is_told_of_once_and_under_the_slug(events: Events) -> None:
    made = note()
    edit_note(slug="tide", revision=1, body="One a day.")
    edit_note(slug="tide", revision=2, body="One a day.")  # says the same
    first, second = events.published(NoteChanged)
    assert [(each.slug, each.title, each.revision) for each in (first, second)] == [
        ("tide", "Tide", 1),
        ("tide", "Tide", 2),
    ]
    assert first.changed_at == made.updated_at < second.changed_at == Note.objects.get().updated_at
    assert [(each.key, each.producer) for each in events.envelopes(NoteChanged)] == [
        ("tide", "knowledge")
    ] * 2


@in_knowledge
def test_publishing_taking_back_and_disputes_are_told_of(events: Events) -> None:
    note()
    show_note(slug="tide")
    show_note(slug="tide")
    dispute = raise_dispute(slug="tide", claim="Two a day.", reason="No.", raised_by="ada", now=NOW)
    settle_dispute(number=dispute.pk, outcome=DisputeStatus.REJECTED, settled_by="bob", now=NOW)
    retire_note(slug="tide")
    assert changes(events) == [
        ("tide", 1, False, "unverified"),
        ("tide", 1, True, "unverified"),
        ("tide", 1, True, "disputed"),
        ("tide", 1, True, "verified"),
        ("tide", 1, False, "verified"),
    ]


@in_knowledge
def test_what_changes_nothing_that_people_wrote_is_not_told_of(events: Events) -> None:
    made = note()
    write_note(made, content_of(title="Tide", body="Two a day."), imported=True)
    assert derive_again(Note.objects.get())
    assert len(changes(events)) == 1


@in_knowledge
def test_an_import_tells_of_what_it_wrote(events: Events) -> None:
    note("Sea")
    files = [VaultFile(path=f"{name}.md", text=f"# {name}\n") for name in ("Moon", "Tide")]
    import_notes(files)
    import_notes(files)
    assert [slug for slug, *_ in changes(events)] == ["sea", "moon", "tide"]


@in_knowledge
def test_what_comes_with_a_deployment_is_not_told_of_and_what_follows_is(events: Events) -> None:
    with untold():
        note("Sea", "[[Moon]]")
        show_note(slug="sea")
        discover_gaps(now=NOW)
    assert events.envelopes() == []
    edit_note(slug="sea", revision=1, body="[[Tide]]")
    discover_gaps(now=NOW)
    assert changes(events) == [("sea", 2, True, "unverified")]
    assert [event.key for event in events.published(GapOpened)] == ["tide"]


@in_knowledge
def test_a_removed_note_is_told_of_after_its_changes(events: Events) -> None:
    note()
    edit_note(slug="tide", revision=1, body="One a day.")
    remove_note(slug="tide", revision=2)
    (event,) = events.published(NoteTombstoned)
    assert (event.slug, event.title, event.revision) == ("tide", "Tide", 2)
    assert event.removed_at > events.published(NoteChanged)[-1].changed_at
    assert [envelope.type for envelope in events.envelopes()] == [
        "knowledge.NoteChanged",
        "knowledge.NoteChanged",
        "knowledge.NoteTombstoned",
    ]
    assert events.envelopes()[-1].key == "tide"


@in_knowledge
def test_what_is_undone_was_not_told(events: Events) -> None:
    note("Sea", "[[Moon]]")
    for action in actions():
        with suppress(RuntimeError), atomic():
            action()
            raise RuntimeError("undone")
    kept = Note.objects.get()
    assert (kept.slug, kept.revision, kept.visibility, Gap.objects.count()) == ("sea", 1, "private", 0)
    assert [envelope.type for envelope in events.envelopes()] == ["knowledge.NoteChanged"]


@in_knowledge
def test_what_cannot_be_told_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(drafts: object) -> None:
        raise RuntimeError("no outbox")

    note("Sea", "[[Moon]]")
    monkeypatch.setattr(outbox, "add", refuse)
    for action in actions():
        with pytest.raises(RuntimeError, match="no outbox"):
            action()
    kept = Note.objects.get()
    assert (kept.slug, kept.revision, kept.visibility, Gap.objects.count()) == ("sea", 1, "private", 0)
    assert kept.verification == "unverified"


def actions() -> list[Callable[[], object]]:
    """Return what changes the note `sea`, or what is beside it."""
    return [
        lambda: note(),
        lambda: edit_note(slug="sea", revision=1, body="Salt."),
        lambda: show_note(slug="sea"),
        lambda: remove_note(slug="sea", revision=1),
        lambda: raise_dispute(slug="sea", claim="Salt.", reason="No.", raised_by="ada", now=NOW),
        lambda: discover_gaps(now=NOW),
    ]


@in_knowledge
def test_a_gap_is_told_of_when_it_opens_and_when_it_opens_again(events: Events) -> None:
    note("Sea", "[[Spring tide]] and [[Neap]]")
    note("Moon", "[[spring tide]]")
    discover_gaps(now=NOW)
    discover_gaps(now=NOW)
    gaps = {event.key: (event.term, event.mentions) for event in events.published(GapOpened)}
    assert [envelope.key for envelope in events.envelopes(GapOpened)] == sorted(gaps)
    assert list(gaps.values()) == [("Neap", 1), (Gap.objects.get(key="spring-tide").term, 2)]
    review_gap(key="neap", decision=GapStatus.DISMISSED, reviewer="ada", now=NOW)
    note("Neap")
    discover_gaps(now=NOW)
    remove_note(slug="neap", revision=1)
    discover_gaps(now=NOW)
    assert [event.key for event in events.published(GapOpened)] == ["neap", "spring-tide", "neap"]


def test_removing_notes_in_the_admin_is_told_of(
    client: Client, events: Events, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_superuser("keeper", "", "secret"))
    with entering("knowledge"):
        notes = [note(title) for title in ("Moon", "Sea", "Tide")]
    client.post(reverse("admin:knowledge_note_delete", args=[notes[0].pk]), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [str(each.pk) for each in notes[1:]]}
    client.post(reverse("admin:knowledge_note_changelist"), chosen | {"post": "yes"})
    with entering("knowledge"):
        assert not Note.objects.exists()
    assert sorted(event.slug for event in events.published(NoteTombstoned)) == ["moon", "sea", "tide"]
