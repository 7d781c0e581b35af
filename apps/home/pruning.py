"""Removing what is old, by bounds that the settings may not lift. Runs as home: enter the module first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.home.models import MAX_WINDOW_MINUTES, CalendarEvent, RecentNote, SloSnapshot
from apps.home.samples.port import SampleStore

# The longest window needs them all; a day more, so that a late roll-up finds its window whole.
SAMPLES_KEPT: Final = timedelta(minutes=MAX_WINDOW_MINUTES, days=1)
SNAPSHOTS_KEPT: Final = timedelta(days=90)
EVENTS_KEPT: Final = timedelta(days=7)
NOTES_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """How many rows a pruning removed."""

    samples: int
    snapshots: int
    events: int
    notes: int


def prune(*, store: SampleStore, now: datetime) -> PruneReport:
    """Remove old samples, snapshots, events and what was told of notes. Raises SampleStoreError."""
    return PruneReport(
        samples=store.prune(before=now - SAMPLES_KEPT),
        snapshots=SloSnapshot.objects.filter(at__lt=now - SNAPSHOTS_KEPT).delete()[0],
        events=CalendarEvent.objects.filter(ends_at__lt=now - EVENTS_KEPT).delete()[0],
        notes=RecentNote.objects.filter(changed_at__lt=now - NOTES_KEPT).delete()[0],
    )
