"""What home does when it is told something."""

from apps.home.notes import remember_note
from contracts.knowledge import NoteChanged, NoteTombstoned
from monolith.events import subscriber


@subscriber
def show_note(event: NoteChanged) -> None:
    """Show a note among those that changed today."""
    remember_note(
        slug=event.slug,
        title=event.title,
        revision=event.revision,
        changed_at=event.changed_at,
        is_public=event.is_public,
        is_removed=False,
    )


@subscriber
def hide_note(event: NoteTombstoned) -> None:
    """Show a removed note no longer."""
    remember_note(
        slug=event.slug,
        title=event.title,
        revision=event.revision,
        changed_at=event.removed_at,
        is_public=False,
        is_removed=True,
    )
