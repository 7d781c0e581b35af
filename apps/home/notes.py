"""Notes of the wiki as knowledge told of them: what of them is shown beside today's calendar. Runs as home."""

from datetime import datetime
from importlib.resources import files
from typing import Final

from monolith import connection

_REMEMBER: Final = (files("apps.home") / "sql" / "remember_note.sql").read_text(encoding="utf-8")


def remember_note(
    *, slug: str, title: str, revision: int, changed_at: datetime, is_public: bool, is_removed: bool
) -> None:
    """Keep what a note is now, unless something later is known of it; a removed one is kept, and not shown."""
    with connection().cursor() as cursor:
        cursor.execute(
            _REMEMBER,
            {
                "slug": slug,
                "title": title,
                "revision": revision,
                "is_public": is_public,
                "is_removed": is_removed,
                "changed_at": changed_at,
            },
        )
