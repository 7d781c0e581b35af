"""Bringing what follows from notes up to date. Runs as knowledge: enter the module first."""

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.knowledge.derivation import current_derivation
from apps.knowledge.errors import NoteRefusedError
from apps.knowledge.models import Note, SearchAudit
from apps.knowledge.services import derive_again

KEEP_SEARCHES: Final = timedelta(
    days=90
)  # longer answers more questions about who looked for what, and risks more


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileReport:
    """What was brought up to date."""

    derived: int
    left: tuple[
        str, ...
    ]  # slugs of notes that were being changed, or for which the time was up: for the next run
    refused: dict[str, str]  # by slug: why nothing can be derived of a note any more
    searches: int  # records removed


def reconcile_notes(*, now: datetime, budget_s: float = math.inf) -> ReconcileReport:
    """Derive anew every note that was derived by an older version or another embedder, and remove old search records.

    Each note is a transaction of its own, so that a run that was cut short goes on where it ended. After `budget_s`
    seconds no further note is begun.
    """
    ends = time.monotonic() + budget_s
    derived, left, refused = 0, list[str](), dict[str, str]()
    outdated = Note.objects.exclude(derivation=current_derivation()).order_by("slug")
    for slug in list(outdated.values_list("slug", flat=True)):
        if time.monotonic() > ends:
            left.append(slug)
            continue
        note = Note.objects.filter(slug=slug).first()
        try:
            if note is not None and derive_again(note):
                derived += 1
            else:
                left.append(slug)
        except NoteRefusedError as error:
            refused[slug] = str(error)
    searches, _ = SearchAudit.objects.filter(at__lt=now - KEEP_SEARCHES).delete()
    return ReconcileReport(derived=derived, left=tuple(left), refused=refused, searches=searches)
