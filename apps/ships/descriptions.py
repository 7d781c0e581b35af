"""What vessels say about themselves, merged: a newer word wins, a late one only fills what is not known."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from apps.ships.ais import Description
from apps.ships.arrays import columns
from apps.ships.models import Vessel
from monolith import connection

GROUPS: Final = ("name", "details", "voyage")
WRITTEN: Final = (
    *("name", "imo", "call_sign", "ship_type", "to_bow", "to_stern", "to_port", "to_starboard"),
    *("destination", "eta", "draught", "name_at", "details_at", "voyage_at", "updated_at"),
)

# Locks every vessel of a batch, new ones too, in the order of the key and before anything else is read or written:
# two intakes then wait for each other, never in a circle, and nothing changes under them. A row is locked also
# where the WHERE leaves it as it is. A late report may be the first; the rest of the vessel stays.
FIRST_SEEN: Final = """
INSERT INTO ships_vessel AS known (mmsi, name, call_sign, destination, first_seen, updated_at)
SELECT mmsi, '', '', '', 'epoch'::timestamptz + at * interval '1 ms', clock_timestamp()
FROM unnest(%s::int[], %s::bigint[]) AS seen(mmsi, at)
ON CONFLICT (mmsi) DO UPDATE SET first_seen = excluded.first_seen, updated_at = excluded.updated_at
WHERE excluded.first_seen < known.first_seen
RETURNING mmsi, old.mmsi IS NULL
"""


def see(first: Mapping[int, int]) -> list[int]:
    """Make vessels exist, seen no later than at these times in milliseconds; lock them for the transaction.

    Returns those that are new.
    """
    if not first:
        return []
    with connection().cursor() as cursor:
        cursor.execute(FIRST_SEEN, columns(sorted(first.items())))
        return [mmsi for mmsi, is_new in cursor.fetchall() if is_new]


def merge(descriptions: Iterable[Description], *, now: datetime) -> tuple[int, int]:
    """Merge descriptions into vessels that were seen; return how many sentences (told something new, did not).

    The outcome does not depend on the order of `descriptions`.
    """
    ordered = sorted(descriptions, key=lambda d: (d.mmsi, d.at, repr(d)))
    vessels = Vessel.objects.in_bulk({description.mmsi for description in ordered})
    news = known = 0
    touched: dict[int, Vessel] = {}
    for description in ordered:
        vessel = vessels[description.mmsi]
        moved, told = _apply(description, vessel)
        if moved or told:
            touched[vessel.mmsi] = vessel
        if told:
            vessel.updated_at = now
            news += description.sentences
        else:
            known += description.sentences
    Vessel.objects.bulk_create(
        touched.values(), update_conflicts=True, unique_fields=["mmsi"], update_fields=WRITTEN
    )
    return news, known


def _apply(description: Description, vessel: Vessel) -> tuple[bool, bool]:
    """Apply one description; say whether it moved the time of a group, and whether it told something new."""
    at = datetime.fromtimestamp(description.at / 1000, tz=UTC)
    moved = told = False
    for group in GROUPS:
        fields: dict[str, Any] = getattr(description, group)
        if not fields:
            continue
        last = getattr(vessel, f"{group}_at")
        newer = last is None or at > last
        for field, value in fields.items():
            current = getattr(vessel, field)
            if value not in (None, "") and value != current and (newer or current in (None, "")):
                setattr(vessel, field, value)
                told = True
        if newer:
            setattr(vessel, f"{group}_at", at)
            moved = True
    return moved, told
