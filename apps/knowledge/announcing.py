"""What knowledge tells others of notes and gaps. Runs as knowledge, in the transaction that wrote what it tells of."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from django.utils import timezone

from apps.knowledge.models import Gap, Note, Visibility
from contracts.knowledge import GapOpened, NoteChanged, NoteTombstoned, Verification
from monolith.events import publish, publish_all

_is_told: Final = ContextVar("_is_told", default=True)


def tell_of_change(note: Note) -> None:
    """Tell what a note is now."""
    if not _is_told.get():
        return
    publish(
        NoteChanged(
            slug=note.slug,
            title=note.title,
            revision=note.revision,
            is_public=note.visibility == Visibility.PUBLIC,
            verification=Verification(note.verification),
            changed_at=note.updated_at,
        )
    )


@contextmanager
def untold() -> Iterator[None]:
    """Tell nobody of notes that are written and gaps that open within: they come with a deployment, and are no news."""
    token = _is_told.set(False)
    try:
        yield
    finally:
        _is_told.reset(token)


def tell_of_removal(notes: Iterable[Note]) -> None:
    """Tell that notes are gone."""
    now = timezone.now()
    publish_all(
        [
            NoteTombstoned(slug=note.slug, title=note.title, revision=note.revision, removed_at=now)
            for note in notes
        ]
    )


def tell_of_gaps(keys: Iterable[str]) -> None:
    """Tell that names are linked to and missing."""
    if not _is_told.get():
        return
    opened = Gap.objects.filter(key__in=list(keys)).order_by("key")
    publish_all([GapOpened(key=gap.key, term=gap.term, mentions=gap.mentions) for gap in opened])
