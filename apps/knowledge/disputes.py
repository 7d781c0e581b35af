"""Disputes: somebody's doubt about a note, and what came of it. Runs as knowledge: enter the module first.

open → upheld | rejected. A note is `disputed` while a dispute about it is open. When the last one is settled, the note
is `verified` if it stands, for somebody has just looked, and `unverified` if it was wrong.
"""

from datetime import datetime
from typing import Final, Literal

from apps.knowledge.announcing import tell_of_change
from apps.knowledge.errors import DisputeNotFoundError, DisputeSettledError
from apps.knowledge.models import Dispute, DisputeStatus, Note, Verification
from apps.knowledge.services import locked
from monolith import atomic

AFTERWARDS: Final = {
    DisputeStatus.UPHELD: Verification.UNVERIFIED,
    DisputeStatus.REJECTED: Verification.VERIFIED,
}


def raise_dispute(*, slug: str, claim: str, reason: str, raised_by: str, now: datetime) -> Dispute:
    """Doubt a claim of a note, which is disputed from now on. Raises NoteNotFoundError."""
    with locked(slug) as note:
        _verify(note, Verification.DISPUTED)
        return Dispute.objects.create(
            note=note, claim=claim, reason=reason, revision=note.revision, raised_by=raised_by, raised_at=now
        )


def settle_dispute(
    *,
    number: int,
    outcome: Literal[DisputeStatus.UPHELD, DisputeStatus.REJECTED],
    settled_by: str,
    resolution: str = "",
    now: datetime,
) -> Dispute:
    """End a dispute. Raises DisputeNotFoundError and DisputeSettledError."""
    with atomic():
        # The note first, as everywhere: two who take the same locks in different orders would wait for each other.
        note = Note.objects.select_for_update().filter(disputes=number).first()
        if note is None:
            raise DisputeNotFoundError(number)
        dispute = Dispute.objects.select_for_update().get(pk=number)
        if dispute.status != DisputeStatus.OPEN:
            raise DisputeSettledError(number, status=dispute.status)
        dispute.status, dispute.resolution = outcome, resolution
        dispute.settled_by, dispute.settled_at = settled_by, now
        dispute.save(update_fields=["status", "resolution", "settled_by", "settled_at"])
        if not note.disputes.filter(status=DisputeStatus.OPEN).exists():
            _verify(note, AFTERWARDS[outcome])
    return dispute


def _verify(note: Note, verification: Verification) -> None:
    if note.verification != verification:
        note.verification = verification
        note.save(update_fields=["verification", "updated_at"])
        tell_of_change(note)
