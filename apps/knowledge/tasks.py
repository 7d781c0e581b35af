"""What knowledge does by itself. Workers call these as knowledge."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from apps.knowledge import gaps
from apps.knowledge.layout import layout_notes
from apps.knowledge.reconcile import reconcile_notes
from monolith.jobs import task

RECONCILE_LIMIT_S: Final = 240
RECONCILE_BUDGET_S: Final = 200.0  # no further note is begun; one takes a second at most


@task(
    time_limit_s=RECONCILE_LIMIT_S,
    transaction=False,  # each note is a transaction of its own: what was derived stays when the time is up
    dedupe_key="reconcile",
    concurrency_key="reconcile",
    every=timedelta(minutes=5),
)
def reconcile() -> dict[str, Any]:
    """Derive anew what an older version or another embedder made of notes, as far as the time suffices."""
    return asdict(reconcile_notes(now=timezone.now(), budget_s=RECONCILE_BUDGET_S))


@task(time_limit_s=60, dedupe_key="discover_gaps", every=timedelta(hours=1), jitter=timedelta(minutes=5))
def discover_gaps() -> dict[str, Any]:
    """Bring the gaps up to date with notes and links."""
    return asdict(gaps.discover_gaps(now=timezone.now()))


@task(
    time_limit_s=900,
    transaction=False,  # it computes for longer than a transaction may idle, and ends with one short write
    heavy=True,
    dedupe_key="layout",
    concurrency_key="layout",
    every=timedelta(hours=1),
    jitter=timedelta(minutes=5),
)
def layout() -> dict[str, int]:
    """Give every note its place in the pictures of the graph."""
    return asdict(layout_notes())
