"""Storing reports: each once, moored repeats not at all, and `latest` forward only."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Final

from apps.ships.ais import Report
from apps.ships.arrays import column, columns
from apps.ships.mooring import REPEAT_MS, Stay, Turn, is_slow, repeats, turn
from monolith import connection

KNOWN: Final = """
SELECT mmsi, (extract(epoch FROM at) * 1000)::bigint, latitude, longitude,
       (extract(epoch FROM anchored_since) * 1000)::bigint, anchor_latitude, anchor_longitude
FROM ships_latestposition WHERE mmsi = ANY(%s::int[])
"""

# What is stored around late reports. The outer bounds keep other days' partitions out of it.
NEIGHBOURS: Final = """
SELECT stored.mmsi, (extract(epoch FROM stored.at) * 1000)::bigint, stored.latitude, stored.longitude
FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS late(mmsi, first, last)
JOIN ships_position stored ON stored.mmsi = late.mmsi
    AND stored.at BETWEEN 'epoch'::timestamptz + late.first * interval '1 ms'
                      AND 'epoch'::timestamptz + late.last * interval '1 ms'
WHERE stored.at BETWEEN 'epoch'::timestamptz + %s * interval '1 ms' AND 'epoch'::timestamptz + %s * interval '1 ms'
"""

INSERT: Final = """
INSERT INTO ships_position (mmsi, at, latitude, longitude, sog, cog, heading, status, message_type)
SELECT mmsi, 'epoch'::timestamptz + at * interval '1 ms', latitude, longitude, sog, cog, heading, status, message_type
FROM unnest(
    %s::int[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::int2[], %s::int2[], %s::int2[]
) AS report(mmsi, at, latitude, longitude, sog, cog, heading, status, message_type)
ON CONFLICT (mmsi, at) DO NOTHING
"""

ADVANCE: Final = """
INSERT INTO ships_latestposition AS latest (
    mmsi, at, latitude, longitude, sog, cog, heading, status,
    anchored_since, anchor_latitude, anchor_longitude, updated_at
)
SELECT mmsi, 'epoch'::timestamptz + at * interval '1 ms', latitude, longitude, sog, cog, heading, status,
       'epoch'::timestamptz + since * interval '1 ms', anchor_latitude, anchor_longitude, clock_timestamp()
FROM unnest(
    %s::int[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::int2[], %s::int2[],
    %s::bigint[], %s::float8[], %s::float8[]
) AS report(mmsi, at, latitude, longitude, sog, cog, heading, status, since, anchor_latitude, anchor_longitude)
ON CONFLICT (mmsi) DO UPDATE SET
    at = excluded.at, latitude = excluded.latitude, longitude = excluded.longitude, sog = excluded.sog,
    cog = excluded.cog, heading = excluded.heading, status = excluded.status, anchored_since = excluded.anchored_since,
    anchor_latitude = excluded.anchor_latitude, anchor_longitude = excluded.anchor_longitude,
    updated_at = excluded.updated_at
WHERE excluded.at > latest.at
"""

Place = tuple[int, float, float]
"""Time in milliseconds, latitude, longitude."""


@dataclass(slots=True)
class Selection:
    """What of a batch is to be stored, and where it leaves each vessel."""

    kept: list[Report] = field(default_factory=list)
    latest: list[tuple[Report, Stay]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    repeats: int = 0  # sentences


def once(reports: Iterable[Report]) -> tuple[list[Report], int]:
    """Return one report per vessel and time, in that order, and how many sentences said the same again.

    Of reports that differ, which one stays does not depend on the order in which they came.
    """
    chosen: dict[tuple[int, int], Report] = {}
    repeated = 0
    for report in reports:
        key = (report[0], report[1])
        other = chosen.setdefault(key, report)
        if other is not report:
            chosen[key] = min(other, report, key=repr)
            repeated += max(other, report, key=repr).sentences
    return [chosen[key] for key in sorted(chosen)], repeated


def select(
    reports: Sequence[Report], known: Mapping[int, Stay], neighbours: Mapping[int, list[Place]]
) -> Selection:
    """Decide which reports to store. Pure.

    `reports` are sorted and unique by vessel and time, `known` is each vessel's newest stored one, `neighbours`
    what is stored around late ones (older than `known`).
    """
    selection = Selection()
    for mmsi, group in groupby(reports, key=itemgetter(0)):
        _select_vessel(group, known.get(mmsi), neighbours.get(mmsi, ()), selection)
    return selection


def _select_vessel(
    group: Iterable[Report], stay: Stay | None, stored: Iterable[Place], selection: Selection
) -> None:
    kept = selection.kept
    around = sorted(stored)
    newest = None
    for report in group:
        if stay is not None and report[1] <= stay.at:
            if _repeats_a_stored(report, around):
                selection.repeats += report.sentences
                continue
            insort(around, report[1:4])
        elif stay is not None and repeats(
            report, at=stay.at, latitude=stay.latitude, longitude=stay.longitude
        ):
            selection.repeats += report.sentences
            continue
        else:
            before, newest = stay, report
            stay = Stay.begun(report) if before is None else before.moved_to(report)
            if before is not None and (turned := turn(before, stay, mmsi=report[0])) is not None:
                selection.turns.append(turned)
        kept.append(report)
    if newest is not None and stay is not None:
        selection.latest.append((newest, stay))


def _repeats_a_stored(report: Report, stored: list[Place]) -> bool:
    # Any of them, not the one just before: a report dropped once is dropped again, whatever came in between.
    # The same moment is no repeat but a duplicate, which the key finds.
    if not is_slow(report):
        return False
    places = stored[bisect_left(stored, (report[1] - REPEAT_MS,)) : bisect_left(stored, (report[1] + 1,))]
    if any(place[0] == report[1] for place in places):
        return False
    return any(
        repeats(report, at=at, latitude=latitude, longitude=longitude) for at, latitude, longitude in places
    )


def newest_stored(mmsis: Iterable[int]) -> dict[int, Stay]:
    """Return each vessel's newest stored report and stay."""
    with connection().cursor() as cursor:
        cursor.execute(KNOWN, [column(mmsis)])
        return {mmsi: Stay(*stay) for mmsi, *stay in cursor.fetchall()}


def stored_around(reports: Iterable[Report], known: Mapping[int, Stay]) -> dict[int, list[Place]]:
    """Return what is stored around those reports that are late and slow enough to be repeats, by vessel."""
    late = [r for r in reports if is_slow(r) and (stay := known.get(r[0])) is not None and r[1] <= stay.at]
    if not late:
        return {}
    spans = []
    for mmsi, group in groupby(late, key=itemgetter(0)):
        times = [report[1] for report in group]
        spans.append((mmsi, min(times) - REPEAT_MS, max(times)))
    found: dict[int, list[Place]] = {}
    with connection().cursor() as cursor:
        bounds = [min(first for _, first, _ in spans), max(last for _, _, last in spans)]
        cursor.execute(NEIGHBOURS, [*columns(spans), *bounds])
        for mmsi, *place in cursor.fetchall():
            found.setdefault(mmsi, []).append((place[0], place[1], place[2]))
    return found


def insert(reports: Iterable[Report]) -> tuple[int, int]:
    """Store reports and return how many sentences were (new, there already)."""
    stored = duplicate = 0
    # Nearly all are one sentence long; longer ones go apart so that sentences can be counted from rows.
    for sentences, group in groupby(
        sorted(reports, key=attrgetter("sentences")), key=attrgetter("sentences")
    ):
        rows = [report[:9] for report in group]
        with connection().cursor() as cursor:
            cursor.execute(INSERT, columns(rows))
            stored += cursor.rowcount * sentences
            duplicate += (len(rows) - cursor.rowcount) * sentences
    return stored, duplicate


def advance(latest: Sequence[tuple[Report, Stay]]) -> None:
    """Move `latest` forward to these reports, one per vessel and sorted by it; never back."""
    if not latest:
        return
    rows = [(*report[:8], stay.since, stay.anchor_latitude, stay.anchor_longitude) for report, stay in latest]
    with connection().cursor() as cursor:
        cursor.execute(ADVANCE, columns(rows))
