"""The messages that were not taken, the newest of them kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from apps.ships.models import RejectedMessage
from apps.ships.rejection import Rejection
from monolith import connection

# The oldest go first. Enough to see a pattern and replay a bad day; at most about 30 MB.
KEPT: Final = 50_000

PRUNE: Final = """
DELETE FROM ships_rejectedmessage
WHERE id <= (SELECT id FROM ships_rejectedmessage ORDER BY id DESC OFFSET %s LIMIT 1)
"""


def keep(rejections: Sequence[Rejection], *, source: str, received: datetime) -> None:
    """Record rejections of a source, each once however often it is read, and let the oldest go."""
    if not rejections:
        return
    RejectedMessage.objects.bulk_create(
        [
            RejectedMessage(
                source=source,
                line=rejection.line,
                reason=rejection.reason,
                sentence=rejection.kept_text,
                sentences=rejection.sentences,
                at=received,
            )
            for rejection in rejections
        ],
        ignore_conflicts=True,
    )
    with connection().cursor() as cursor:
        cursor.execute(PRUNE, [KEPT])
