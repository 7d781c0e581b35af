"""A few notes to ask about: bringing the whole vault in takes seconds."""

from typing import Final

from apps.knowledge import services
from apps.knowledge.content import content_of
from apps.knowledge.services import show_note
from monolith import entering

TIDES: Final = "Tides come from the pull of the moon. High water follows every 12 hours and 25 minutes."
KELP: Final = "Kelp is harvested from May to September, by hand."
ASKED: Final = "How often does high water follow?"


def write_notes() -> None:
    """Store a public note about tides, and a private one about kelp."""
    with entering("knowledge"):
        services.create_note(content=content_of(title="Tides", body=TIDES))
        services.create_note(content=content_of(title="Kelp", body=KELP))
        show_note(slug="tides")
