"""Gaps: names that notes link to and no note has. Runs as knowledge: enter the module first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from apps.knowledge.announcing import tell_of_gaps
from apps.knowledge.errors import GapClosedError, GapNotFoundError
from apps.knowledge.models import Gap, GapStatus
from monolith import atomic, connection

REVIEWABLE: Final = (GapStatus.OPEN, GapStatus.ACCEPTED, GapStatus.DISMISSED)

# As links do, a gap finds the note that has the name earliest among its own.
FILL: Final = """
UPDATE knowledge_gap AS gap
SET status = 'filled', note_id = note.id, changed_at = %(now)s
FROM (
    SELECT DISTINCT ON (gap.key) gap.key, note.id
    FROM knowledge_gap AS gap JOIN knowledge_note AS note ON note.names @> ARRAY[gap.key::text]
    WHERE gap.status = ANY (%(reviewable)s)
    ORDER BY gap.key, array_position(note.names, gap.key::text), note.slug
) AS note
WHERE gap.key = note.key
"""

UNLINK: Final = """
UPDATE knowledge_gap AS gap
SET status = 'unlinked', mentions = 0, changed_at = %(now)s
WHERE gap.status = ANY (%(reviewable)s)
    AND NOT EXISTS (SELECT FROM knowledge_notelink AS link WHERE link.target_key = gap.key)
"""

REOPEN: Final = """
UPDATE knowledge_gap AS gap
SET status = 'open', opened_at = %(now)s, changed_at = %(now)s, reviewed_by = '', comment = '', note_id = NULL
WHERE gap.status <> ALL (%(reviewable)s)
    AND EXISTS (SELECT FROM knowledge_resolved_link AS link WHERE link.target_key = gap.key AND link.note_id IS NULL)
RETURNING key
"""

# A known gap is only counted anew, and not even that where the counts are right.
OPEN: Final = """
INSERT INTO knowledge_gap AS gap (key, term, mentions, status, opened_at, changed_at, reviewed_by, comment)
SELECT link.target_key, mode() WITHIN GROUP (ORDER BY link.target), count(DISTINCT link.source_id),
    'open', %(now)s, %(now)s, '', ''
FROM knowledge_resolved_link AS link
WHERE link.note_id IS NULL
GROUP BY link.target_key
ORDER BY link.target_key
ON CONFLICT (key) DO UPDATE SET term = excluded.term, mentions = excluded.mentions
WHERE (gap.term, gap.mentions) IS DISTINCT FROM (excluded.term, excluded.mentions)
RETURNING key, old.key IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapReport:
    """What looking for gaps has found."""

    opened: tuple[str, ...]  # keys, in order; those that opened again are among them
    filled: int
    unlinked: int


def discover_gaps(*, now: datetime) -> GapReport:
    """Bring the gaps up to date with notes and links; what nobody changed leaves no trace."""
    values: dict[str, datetime | list[str]] = {"now": now, "reviewable": [*REVIEWABLE]}
    with atomic(), connection().cursor() as cursor:
        cursor.execute(FILL, values)
        filled = cursor.rowcount
        cursor.execute(UNLINK, values)
        unlinked = cursor.rowcount
        cursor.execute(REOPEN, values)
        opened = [key for (key,) in cursor.fetchall()]
        cursor.execute(OPEN, values)
        opened += [key for key, is_new in cursor.fetchall() if is_new]
        if opened:
            tell_of_gaps(opened)
    return GapReport(opened=tuple(sorted(opened)), filled=filled, unlinked=unlinked)


def review_gap(
    *,
    key: str,
    decision: Literal[GapStatus.ACCEPTED, GapStatus.DISMISSED],
    reviewer: str,
    comment: str = "",
    now: datetime,
) -> Gap:
    """Say whether a gap should be filled; whoever reviews it later may say otherwise.

    Raises GapNotFoundError, and GapClosedError when it is filled or unlinked.
    """
    with atomic():
        gap = Gap.objects.select_for_update().filter(key=key).first()
        if gap is None:
            raise GapNotFoundError(key)
        if gap.status not in REVIEWABLE:
            raise GapClosedError(key, status=gap.status)
        gap.status, gap.reviewed_by, gap.comment, gap.changed_at = decision, reviewer, comment, now
        gap.save(update_fields=["status", "reviewed_by", "comment", "changed_at"])
    return gap
