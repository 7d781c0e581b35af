"""What can be done with notes. Runs as knowledge: enter the module first."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import IntegrityError

from apps.knowledge.announcing import tell_of_change, tell_of_removal
from apps.knowledge.content import Content, checked_slug, content_of, written
from apps.knowledge.derivation import Derived, derive
from apps.knowledge.embeddings.port import Embedder
from apps.knowledge.errors import NoteExistsError, NoteNotFoundError, RevisionConflictError
from apps.knowledge.models import Chunk, Note, NoteLink, Verification, Visibility
from apps.knowledge.names import slug_of
from monolith import atomic

_WRITTEN: Final = ("title", "body", "tags", "aliases", "observed_at")


def create_note(
    *,
    content: Content,
    slug: str = "",
    verification: Verification | None = None,
    imported: bool = False,
    embedder: Embedder | None = None,
) -> Note:
    """Store a new note, private; without a slug it is named by its title.

    Raises NoteExistsError when the slug is taken and NoteRefusedError when there is none to be had.
    """
    slug = checked_slug(slug or slug_of(content.title))
    derived = derive(slug, content, embedder=embedder)
    note = Note(slug=slug, verification=verification or Verification.UNVERIFIED)
    note.imported_hash = content.hash if imported else ""
    _put(note, content, derived)
    try:
        with atomic():
            note.save(force_insert=True)
            _put_parts(note, derived)
            tell_of_change(note)
    except IntegrityError as error:
        if Note.objects.filter(slug=slug).exists():
            raise NoteExistsError(slug) from error
        raise
    return note


def edit_note(*, slug: str, revision: int, verification: Verification | None = None, **changes: Any) -> Note:
    """Change what is given of title, body, tags, aliases and observed_at, on the revision that the caller has read.

    What changes nothing is no edit. Raises NoteNotFoundError, RevisionConflictError and NoteRefusedError.
    """
    note = _seen(slug, revision)
    content = content_of(**{name: getattr(note, name) for name in _WRITTEN} | changes)
    return write_note(note, content, verification=verification)


def write_note(
    note: Note, content: Content, *, verification: Verification | None = None, imported: bool = False
) -> Note:
    """Give a note that was just read other words.

    Raises RevisionConflictError when it was changed meanwhile, NoteNotFoundError when it was removed.
    """
    if _says(note, content, verification) and (not imported or note.imported_hash == content.hash):
        return note
    derived = derive(note.slug, content)
    with locked(note.slug, revision=note.revision) as current:
        is_edit = not _says(current, content, verification)
        current.revision += is_edit
        parts = current.title, current.aliases, current.body, current.derivation
        parts_stay = parts == (content.title, [*content.aliases], content.body, derived.derivation)
        _put(current, content, derived)
        current.verification = verification or current.verification
        current.imported_hash = content.hash if imported else current.imported_hash
        current.save()
        if not parts_stay:
            _put_parts(current, derived)
        if is_edit:
            tell_of_change(current)
    return current


def derive_again(note: Note) -> bool:
    """Bring what follows from a note up to date; False when it was changed or removed since it was read."""
    derived = derive(note.slug, written(note))
    try:
        with locked(note.slug, revision=note.revision) as current:
            current.names, current.html = list(derived.names), derived.html
            current.derivation = derived.derivation
            current.save(update_fields=["names", "html", "derivation"])
            _put_parts(current, derived)
    except (NoteNotFoundError, RevisionConflictError):
        return False
    return True


def remove_note(*, slug: str, revision: int) -> None:
    """Remove a note with all that hangs on it; links to it dangle. Raises as `edit_note` does."""
    with locked(slug, revision=revision) as note:
        note.delete()
        tell_of_removal([note])


def show_note(*, slug: str, revision: int | None = None) -> Note:
    """Make a note public without asking anybody; once more changes nothing.

    Raises NoteNotFoundError, or RevisionConflictError when `revision` is given and has passed.

    For what its deployment ships with. People publish with `publishing.publish_note`, which asks the gate.
    """
    return _visible(slug, Visibility.PUBLIC, revision=revision)


def retire_note(*, slug: str) -> Note:
    """Take a note back from the public; once more changes nothing. Raises NoteNotFoundError."""
    return _visible(slug, Visibility.PRIVATE)


@contextmanager
def locked(slug: str, *, revision: int | None = None) -> Iterator[Note]:
    """Hold a note in a transaction. Raises NoteNotFoundError, or RevisionConflictError when `revision` has passed."""
    with atomic():
        note = Note.objects.select_for_update().filter(slug=slug).first()
        if note is None:
            raise NoteNotFoundError(slug)
        if revision is not None and note.revision != revision:
            raise RevisionConflictError(slug, seen=revision, current=note.revision)
        yield note


def _visible(slug: str, visibility: Visibility, *, revision: int | None = None) -> Note:
    with locked(slug, revision=revision) as note:
        if note.visibility != visibility:
            note.visibility = visibility
            note.save(update_fields=["visibility", "updated_at"])
            tell_of_change(note)
    return note


def _seen(slug: str, revision: int) -> Note:
    note = Note.objects.filter(slug=slug).first()
    if note is None:
        raise NoteNotFoundError(slug)
    if note.revision != revision:
        raise RevisionConflictError(slug, seen=revision, current=note.revision)
    return note


def _says(note: Note, content: Content, verification: Verification | None) -> bool:
    return note.content_hash == content.hash and verification in (None, note.verification)


def _put(note: Note, content: Content, derived: Derived) -> None:
    note.title, note.body, note.observed_at = content.title, content.body, content.observed_at
    note.tags, note.aliases = list(content.tags), list(content.aliases)
    note.content_hash = content.hash
    note.names, note.html, note.derivation = list(derived.names), derived.html, derived.derivation


def _put_parts(note: Note, derived: Derived) -> None:
    Chunk.objects.filter(note=note).delete()
    NoteLink.objects.filter(source=note).delete()
    Chunk.objects.bulk_create(
        Chunk(
            note=note,
            position=position,
            title=derived.heading,
            section=chunk.section,
            anchor=chunk.anchor,
            text=chunk.text,
            embedder=derived.embedder,
            embedding=vector,
        )
        for position, (chunk, vector) in enumerate(zip(derived.chunks, derived.vectors, strict=True))
    )
    NoteLink.objects.bulk_create(
        NoteLink(
            source=note,
            position=position,
            kind=link.kind,
            target=link.target,
            target_key=link.key,
            anchor=link.anchor,
        )
        for position, link in enumerate(derived.links)
    )
