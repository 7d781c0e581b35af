"""Where notes lie in the pictures of their graph. Runs as knowledge: enter the module first.

Heavy: seconds for a thousand notes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from apps.knowledge.forces import Place, places_of
from apps.knowledge.models import Note, PublicLink, PublicNote, ResolvedLink
from monolith import atomic, connection

DECIMALS: Final = 3  # of a link's length; finer than anybody sees

# Notes whose place stays are not written, so that the graph's ETag changes only with the graph.
PLACE: Final = """
UPDATE knowledge_note AS note
SET x = placed.x, y = placed.y, public_x = placed.public_x, public_y = placed.public_y
FROM unnest(%s::uuid[], %s::float8[], %s::float8[], %s::float8[], %s::float8[])
    AS placed (id, x, y, public_x, public_y)
WHERE note.id = placed.id
    AND (note.x, note.y, note.public_x, note.public_y)
        IS DISTINCT FROM (placed.x, placed.y, placed.public_x, placed.public_y)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutReport:
    """What a layout did."""

    notes: int
    moved: int


def layout_notes() -> LayoutReport:
    """Give every note a place in the graph of all notes, and every public one a place in that of public notes.

    The same notes and links give the same places. The public picture is made from public rows alone: it tells nothing
    of private notes, not even by where it has room.
    """
    links = ResolvedLink.objects.filter(note__isnull=False).values_list("source_id", "note_id")
    everything = _placed(list(Note.objects.values_list("id", "slug")), list(links))
    public = _placed(
        list(PublicNote.objects.values_list("id", "slug")),
        list(PublicLink.objects.values_list("source_id", "target_id")),
    )
    rows = [(note, *place, *public.get(note, (0.0, 0.0))) for note, place in sorted(everything.items())]
    with atomic(), connection().cursor() as cursor:
        cursor.execute(PLACE, [list(column) for column in zip(*rows, strict=True)] or [[]] * 5)
        return LayoutReport(notes=len(rows), moved=cursor.rowcount)


def _placed(notes: Sequence[tuple[UUID, str]], links: Sequence[tuple[UUID, UUID]]) -> dict[UUID, Place]:
    # By slug: ids are drawn by lot, and two deployments with the same notes should show the same picture.
    ordered = sorted(notes, key=lambda note: note[1])
    number = {note: position for position, (note, _) in enumerate(ordered)}
    ends = [(number[source], number[target]) for source, target in links if {source, target} <= number.keys()]
    places = places_of([slug for _, slug in ordered], ends)
    return {
        note: (round(x, DECIMALS), round(y, DECIMALS))
        for (note, _), (x, y) in zip(ordered, places, strict=True)
    }
