"""Notes to start with, about this project; `load` brings them in.

Each names the files that it is made of in its front matter's `sources`. A test holds it to them: every name in code and
every number in a note stands in one of its sources.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from apps.knowledge.embeddings.port import Embedder

VAULT: Final = Path(__file__).parent / "vault"


def load(*, embedder: "Embedder | None" = None) -> str:
    """Import the notes of the vault, publish those that are new and mean to be public, and draw the graph.

    Whoever starts the system waits for this: without an `embedder` the job `reconcile` embeds the new notes, and until
    it has they are found by their words. What somebody retired stays private, what somebody edited stays as it is.
    Nobody is told: it is no news.

    Returns what it did in one line.
    """
    # Here, because settings name this function before Django is ready.
    from django.utils import timezone

    from apps.knowledge import tasks
    from apps.knowledge.announcing import untold
    from apps.knowledge.embeddings.deferred import DeferredEmbedder
    from apps.knowledge.gaps import discover_gaps
    from apps.knowledge.importing import import_notes
    from apps.knowledge.layout import layout_notes
    from apps.knowledge.services import show_note
    from apps.knowledge.vault import read_folder
    from monolith import entering

    with entering("knowledge"):
        with untold():
            report = import_notes(read_folder(VAULT), embedder=embedder or DeferredEmbedder())
            for slug in set(report.created) & set(report.to_publish):
                show_note(slug=slug)
            gaps = discover_gaps(now=timezone.now())
        layout_notes()
        if report.created and embedder is None:
            tasks.reconcile.enqueue()
    return (
        f"{len(report.created)} notes new, {len(report.changed)} changed, {len(report.unchanged)} known, "
        f"{len(gaps.opened)} gaps new"
    )
