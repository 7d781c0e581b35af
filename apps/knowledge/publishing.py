"""Making a note public, which takes the gate's consent. Runs as knowledge: enter the module first."""

from typing import Final

from apps.knowledge.errors import NoteNotFoundError, PublishingRefusedError
from apps.knowledge.models import Note
from apps.knowledge.services import show_note
from contracts.compliance import Compliance
from monolith.contracts import require

ACTION: Final = "knowledge.publish"


def publish_note(*, slug: str, subject: str, revision: int | None = None) -> Note:
    """Make a note public on behalf of `subject`, if compliance allows it; a gate that cannot be asked denies.

    `revision` is the one that was consented to; without it, whatever the note says now. Raises NoteNotFoundError,
    RevisionConflictError, PublishingRefusedError naming what is missing.
    """
    if not Note.objects.filter(slug=slug).exists():
        raise NoteNotFoundError(slug)
    # Before the transaction that writes: a call across modules must not hold its locks.
    decision = require(Compliance).check(subject=subject, action=ACTION, resource=slug)
    if not decision.allowed:
        raise PublishingRefusedError(slug, missing=decision.missing)
    return show_note(slug=slug, revision=revision)
