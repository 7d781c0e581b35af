"""What knowledge tells others of notes and gaps. Runs as knowledge, in the transaction that wrote what it tells of."""

from collections.abc import Iterable

from django.utils import timezone

from apps.knowledge.models import Gap, Note, Visibility
from contracts.knowledge import GapOpened, NoteChanged, NoteTombstoned, Verification
from monolith.events import publish, publish_all


def tell_of_change(note: Note) -> None:
    """Tell what a note is now."""
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
    opened = Gap.objects.filter(key__in=list(keys)).order_by("key")
    publish_all([GapOpened(key=gap.key, term=gap.term, mentions=gap.mentions) for gap in opened])
