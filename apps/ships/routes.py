"""The HTTP face of ships: `public` for everyone, `private` for staff whom the gate lets in."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router

from apps.ships import permission, queries, services
from apps.ships.schemas import (
    CountsOut,
    Heat,
    HeatSearch,
    IngestStatus,
    Mmsi,
    ReplayOrder,
    Snapshot,
    Track,
    TrackFeature,
    TrackFormat,
    TrackSearch,
    VesselFeatures,
    VesselOut,
    VesselSearch,
)
from monolith.http.caching import cacheable
from monolith.http.limits import MEGABYTE, body_limit
from monolith.http.problems import Problem, ProblemSchema, field_error

public = Router()
private = Router()

# Vessels report every few seconds; a map that is ten seconds behind does not show it.
POSITIONS_S: Final = 10
HEAT_S: Final = 300  # rolled up once an hour
REVALIDATE_S: Final = 60
MAX_NMEA: Final = 4 * MEGABYTE  # about 40,000 sentences, two seconds of work
NMEA_TYPE: Final = "text/plain"
_NMEA_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {NMEA_TYPE: {"schema": {"type": "string", "pattern": r"\S", "maxLength": MAX_NMEA}}},
    }
}


@public.get("/vessels", response={200: Snapshot, 422: ProblemSchema}, summary="Where vessels are")
def list_vessels(request: HttpRequest, wanted: Query[VesselSearch]) -> Any:
    """The newest position of each vessel, by MMSI."""
    return _snapshot(request, wanted, _as_snapshot)


@public.get(
    "/vessels.geojson",
    response={200: VesselFeatures, 422: ProblemSchema},
    summary="Where vessels are, as GeoJSON",
)
def list_vessel_features(request: HttpRequest, wanted: Query[VesselSearch]) -> Any:
    """The newest position of each vessel as a feature collection."""
    return _snapshot(request, wanted, _as_features)


@public.get("/vessels/{mmsi}", response={200: VesselOut, 404: ProblemSchema}, summary="One vessel")
def show_vessel(request: HttpRequest, mmsi: Path[Mmsi]) -> Any:
    """What a vessel says about itself, and where it is."""
    vessel = queries.vessel(mmsi)
    if vessel is None:
        raise Problem(
            404, "Vessel not found", detail=f"No vessel with MMSI {mmsi} was heard.", type="vessel-not-found"
        )
    return cacheable(
        request,
        version=(vessel["updated_at"], vessel.get("latest_updated_at")),
        max_age_s=POSITIONS_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: vessel,
    )


@public.get(
    "/vessels/{mmsi}/track",
    response={200: Track | TrackFeature, 422: ProblemSchema},
    summary="Where a vessel was",
)
def show_track(request: HttpRequest, mmsi: Path[Mmsi], wanted: Query[TrackFormat]) -> Any:
    """A vessel's stored positions; none of a vessel that was never heard."""
    return _track(request, mmsi, wanted, _as_track_feature if wanted.format == "geojson" else _as_track)


@public.get(
    "/vessels/{mmsi}/track.geojson",
    response={200: TrackFeature, 422: ProblemSchema},
    summary="Where a vessel was, as GeoJSON",
)
def show_track_feature(request: HttpRequest, mmsi: Path[Mmsi], wanted: Query[TrackSearch]) -> Any:
    """A vessel's stored positions as one line."""
    return _track(request, mmsi, wanted, _as_track_feature)


@public.get("/heat", response={200: Heat, 422: ProblemSchema}, summary="Where traffic is dense")
def show_heat(request: HttpRequest, wanted: Query[HeatSearch]) -> Any:
    """Distinct vessels that moved through each cell of 0.005 by 0.0075 degrees."""
    found = queries.heat_cells(box=wanted.box, historical=wanted.kind == "historical")
    extent = queries.heat_extent(found)
    return cacheable(
        request,
        version=extent.version,
        max_age_s=HEAT_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            "kind": wanted.kind,
            "total": extent.total,
            "limit": wanted.limit,
            "updated_at": extent.newest_at,
            "cells": queries.heat_page(found, limit=wanted.limit),
        },
    )


@private.post(
    "/ingest",
    response={200: CountsOut, 403: ProblemSchema, 415: ProblemSchema, 422: ProblemSchema},
    openapi_extra=_NMEA_BODY,
    summary="Ingest NMEA sentences",
)
@body_limit(MAX_NMEA)
def ingest(request: HttpRequest) -> Any:
    """Take a text of sentences, one a line; those without a TAG time count as received now."""
    if not request.body.strip():
        detail = "The body holds no sentence. Send one a line."
        raise Problem(
            422,
            "No sentences",
            detail=detail,
            type="no-sentences",
            errors=[field_error("body", detail=detail)],
        )
    if request.content_type != NMEA_TYPE:
        detail = f"Send the sentences as {NMEA_TYPE}, not as {request.content_type or 'nothing'}."
        raise Problem(415, "Not text", detail=detail, type="not-text")
    _require_permission(request, permission.FROM_POST)
    return services.ingest_text(data=request.body, now=timezone.now()).as_dict()


@private.get("/ingest/status", response={200: IngestStatus}, summary="How the intake runs")
def show_status(request: HttpRequest) -> Any:
    """How far each source was read, and what was rejected for which reason."""
    return {"cursors": queries.cursors(), "rejected": queries.rejected_by_reason()}


@private.post(
    "/ingest/replay",
    response={200: CountsOut, 403: ProblemSchema, 422: ProblemSchema},
    summary="Replay rejected messages",
)
def replay(request: HttpRequest, order: ReplayOrder) -> Any:
    """Take rejected messages again; those taken now are no longer kept as rejected."""
    _require_permission(request, permission.FROM_REPLAY)
    return services.replay_rejected(now=timezone.now(), reason=order.reason, limit=order.limit).as_dict()


def _require_permission(request: HttpRequest, resource: str) -> None:
    try:
        permission.require_permission(subject=f"user:{request.user.pk}", resource=resource)
    except permission.IngestDeniedError as error:
        raise Problem(
            403, "Not allowed", detail=str(error), type="not-allowed", missing=list(error.missing)
        ) from error


def _snapshot(request: HttpRequest, wanted: VesselSearch, written: Any) -> Any:
    found = queries.latest_positions(box=wanted.box, since=wanted.since)
    extent = queries.latest_extent(found)
    stale = extent.stale(now=timezone.now())
    return cacheable(
        request,
        version=(*extent.version, stale),
        max_age_s=POSITIONS_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: written(
            queries.latest_page(found, limit=wanted.limit, offset=wanted.offset),
            {
                "total": extent.total,
                "limit": wanted.limit,
                "offset": wanted.offset,
                "newest_at": extent.newest_at,
                "stale": stale,
            },
        ),
    )


def _track(request: HttpRequest, mmsi: int, wanted: TrackSearch, written: Any) -> Any:
    found = queries.track(mmsi=mmsi, since=wanted.since, until=wanted.until)
    extent = queries.track_extent(found)
    head = {"mmsi": mmsi, "total": extent.total, "limit": wanted.limit}
    return cacheable(
        request,
        version=extent.version,
        max_age_s=POSITIONS_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: written(queries.track_page(found, limit=wanted.limit), head),
    )


def _as_snapshot(vessels: list[dict[str, Any]], head: dict[str, Any]) -> dict[str, Any]:
    return {**head, "items": vessels}


def _as_features(vessels: list[dict[str, Any]], head: dict[str, Any]) -> dict[str, Any]:
    features = [
        {
            "id": vessel["mmsi"],
            "geometry": {"coordinates": (vessel["longitude"], vessel["latitude"])},
            "properties": vessel,
        }
        for vessel in vessels
    ]
    return {"total": head["total"], "stale": head["stale"], "features": features}


def _as_track(points: list[dict[str, Any]], head: dict[str, Any]) -> dict[str, Any]:
    return {**head, "points": points}


def _as_track_feature(points: list[dict[str, Any]], head: dict[str, Any]) -> dict[str, Any]:
    line = {"coordinates": [(point["longitude"], point["latitude"]) for point in points]}
    return {
        "id": head["mmsi"],
        "geometry": line if len(points) > 1 else None,
        "properties": {**head, "times": [point["at"] for point in points]},
    }
