"""What agents can see of traffic beside what the contract offers, and bring in where the gate lets them."""

from pathlib import PurePath
from typing import Any

from django.utils import timezone

from apps.ships import permission, queries, services
from apps.ships.permission import IngestDeniedError
from apps.ships.rejection import Reason
from apps.ships.tool_schemas import (
    Box,
    CellLimit,
    Heat,
    HeatCell,
    HeatKind,
    IntakeStatus,
    ReplayLimit,
    Sentences,
    SourceRead,
    Taken,
    TrackPage,
)
from contracts.ships import Mmsi
from monolith.contracts import UtcDatetime, call_scope
from monolith.tools import Tag, tool
from monolith.tools.errors import ToolRefused
from monolith.tools.pages import After, Limit, page_of
from monolith.tools.refusals import refusing


@tool(tag=Tag.READ, from_users=False)
def get_track(
    *,
    mmsi: Mmsi,
    since: UtcDatetime | None = None,
    until: UtcDatetime | None = None,
    limit: Limit = 100,
    after: After = "",
) -> TrackPage:
    """List where a vessel was, newest first; of one that was never heard, nowhere."""
    found = queries.track(mmsi=mmsi, since=since, until=until)
    return page_of(TrackPage, found, order=("-at",), after=after, limit=limit)


@tool(tag=Tag.READ, from_users=False)
def get_heat(*, kind: HeatKind = "live", within: Box | None = None, limit: CellLimit = 100) -> Heat:
    """Return where traffic is dense: the cells through which most vessels moved.

    `live` counts each vessel of the last seven days once; `historical` adds up the days before.
    """
    if within is not None and within.south > within.north:
        raise ToolRefused("`within` has its south above its north; exchange them.")
    box = None if within is None else queries.Box(within.west, within.south, within.east, within.north)
    found = queries.heat_cells(box=box, historical=kind == "historical")
    extent = queries.heat_extent(found)
    cells = [HeatCell(**cell) for cell in queries.heat_page(found, limit=limit)]
    return Heat(kind=kind, total=extent.total, updated_at=extent.newest_at, cells=cells)


@tool(tag=Tag.READ, from_users=False)
def get_intake() -> IntakeStatus:
    """Return how far each source of sentences was read, and what was rejected for which reason."""
    sources = [
        SourceRead(
            source=PurePath(cursor.source).name,  # where a file lies is nobody's business
            line=cursor.line,
            counts=_taken(cursor.counts),
            updated_at=cursor.updated_at,
        )
        for cursor in queries.cursors()
    ]
    return IntakeStatus(sources=sources, rejected=queries.rejected_by_reason())


@tool(tag=Tag.EXECUTE, cost=20, time_limit_s=60.0, from_users=False)
def ingest_sentences(*, text: Sentences) -> Taken:
    """Take NMEA sentences of AIS, one a line, if compliance lets this token; what was said before changes nothing.

    Those without a TAG time count as received now.
    """
    _permit(permission.FROM_POST)
    return _taken(services.ingest_text(data=text.encode(), now=timezone.now()).as_dict())


@tool(tag=Tag.EXECUTE, cost=20, time_limit_s=60.0, from_users=False)
def replay_rejected(*, reason: Reason | None = None, limit: ReplayLimit = 1_000) -> Taken:
    """Take the oldest rejected messages again, if compliance lets this token; those taken are no longer rejected."""
    _permit(permission.FROM_REPLAY)
    return _taken(services.replay_rejected(now=timezone.now(), reason=reason, limit=limit).as_dict())


def _permit(resource: str) -> None:
    with refusing(IngestDeniedError):
        permission.require_permission(subject=call_scope().actor, resource=resource)


def _taken(counts: dict[str, Any]) -> Taken:
    rejected = {str(reason): count for reason, count in counts.get("rejected", {}).items()}
    others = {name: counts.get(name, 0) for name in Taken.model_fields if name != "rejected"}
    return Taken(**others, rejected=rejected)
