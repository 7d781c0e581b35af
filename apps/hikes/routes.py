"""The HTTP face of hikes: `public` for everyone, `private` for staff."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Path, Query, Router, Status

from apps.hikes import queries, services, tasks
from apps.hikes.errors import GpxError, WalkExistsError, WalkNotFoundError
from apps.hikes.forecast.providers import default_provider, provider_named
from apps.hikes.gpx import MAX_GPX_BYTES, write_gpx
from apps.hikes.models import Walk
from apps.hikes.refresh import refresh_windows
from apps.hikes.schemas import (
    Slug,
    UploadedWalk,
    UploadedWalkPage,
    UploadFilter,
    UploadNames,
    WalkEdit,
    WalkOut,
    WalkPage,
    WalkSearch,
    WalkTrack,
    WindowPage,
    WindowRefresh,
    WindowRefreshReport,
    WindowSearch,
)
from monolith.http.caching import cacheable, may_be_known
from monolith.http.limits import KILOBYTE, body_limit
from monolith.http.problems import Problem, ProblemSchema, field_error
from monolith.http.queued import QueuedJob, queued

public = Router()
private = Router()

STALE_AFTER: Final = timedelta(hours=12)  # two refreshes were missed
LIST_S: Final = 60  # longer spares the database, and shows a new walk later
WALK_S: Final = 300
REVALIDATE_S: Final = 600
GPX_TYPE: Final = "application/gpx+xml"
_FILE: Final = {"type": "string", "format": "binary", "minLength": 1, "maxLength": MAX_GPX_BYTES}
_UPLOAD_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            GPX_TYPE: {"schema": _FILE},
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}
            },
        },
    }
}
_GPX_ANSWER: Final = {"responses": {200: {"description": "OK", "content": {GPX_TYPE: {"schema": _FILE}}}}}


@public.get("/walks", response={200: WalkPage, 422: ProblemSchema}, summary="Find walks")
def list_walks(request: HttpRequest, wanted: Query[WalkSearch]) -> Any:
    """Walks that meet every condition given; without any, all of them."""
    now = timezone.now()
    search = wanted.search()
    walks = queries.find_walks(search, now=now)
    page = partial(queries.page, walks, limit=wanted.limit, offset=wanted.offset)
    found = None if may_be_known(request) else page()
    extent = found.extent if found else queries.extent(walks)
    hour = f"{now:%Y-%m-%dT%H}" if search.on else ""
    return cacheable(
        request,
        version=(extent.version, extent.total, hour),
        max_age_s=LIST_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: _walk_page(found or page(), wanted),
    )


@public.get("/walks/{slug}", response={200: WalkOut, 404: ProblemSchema}, summary="One walk")
def show_walk(request: HttpRequest, slug: Path[Slug]) -> Any:
    """A published walk without its track."""
    walk = _found(slug, queries.get_walk(slug))
    return cacheable(
        request, version=_version(walk), max_age_s=WALK_S, revalidate_s=REVALIDATE_S, build=lambda: walk
    )


@public.get(
    "/walks/{slug}/windows", response={200: WindowPage, 404: ProblemSchema}, summary="Weather windows"
)
def list_windows(request: HttpRequest, slug: Path[Slug], wanted: Query[WindowSearch]) -> Any:
    """The hours ahead and whether each is good for the walk."""
    now = timezone.now()
    found = queries.get_windows(slug, now=now, viable=wanted.viable, day=wanted.day)
    if found is None:
        raise _no_walk(slug)
    head, windows = found
    forecast_at = head["windows_at"]
    stale = forecast_at is None or now - forecast_at > STALE_AFTER
    return cacheable(
        request,
        version=(forecast_at, head["total"], f"{now:%Y-%m-%dT%H}", stale),
        max_age_s=WALK_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            "slug": slug,
            "forecast_at": forecast_at,
            "stale": stale,
            "total": head["total"],
            "limit": wanted.limit,
            "offset": wanted.offset,
            "items": queries.window_page(windows, limit=wanted.limit, offset=wanted.offset),
        },
    )


@public.get(
    "/walks/{slug}/track.gpx",
    response={200: None, 404: ProblemSchema},
    openapi_extra=_GPX_ANSWER,
    summary="Track as GPX",
)
def download_gpx(request: HttpRequest, slug: Path[Slug]) -> Any:
    """The track as a GPX 1.1 file, made from what is stored; the uploaded file itself stays private."""
    walk = _found(slug, queries.get_track(slug))

    def build() -> HttpResponse:
        points = services.points_of(walk["track"])
        document = write_gpx(name=walk["name"], description=walk["summary"], points=points)
        headers = {"Content-Disposition": f'attachment; filename="{slug}.gpx"'}
        return HttpResponse(document, content_type=GPX_TYPE, headers=headers)

    return cacheable(
        request, version=_version(walk), max_age_s=WALK_S, revalidate_s=REVALIDATE_S, build=build
    )


@public.get(
    "/walks/{slug}/track.geojson",
    response={200: WalkTrack, 404: ProblemSchema},
    summary="Track as GeoJSON",
)
def download_geojson(request: HttpRequest, slug: Path[Slug]) -> Any:
    """The track as a GeoJSON feature with the walk's measures."""
    walk = _found(slug, queries.get_track(slug))
    return cacheable(
        request,
        version=_version(walk),
        max_age_s=WALK_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            "id": walk["id"],
            "geometry": {"coordinates": walk["track"]},
            "properties": {field: walk[field] for field in _PROPERTIES},
        },
    )


_PROPERTIES: Final = (
    "slug",
    "name",
    "region",
    "distance_km",
    "ascent_m",
    "descent_m",
    "duration_h",
    "difficulty",
)


@private.get("/uploads", response={200: UploadedWalkPage}, summary="All walks, drafts included")
def list_uploads(request: HttpRequest, wanted: Query[UploadFilter]) -> Any:
    """Walks with what only their keepers see, newest first."""
    walks = Walk.objects.defer("gpx", "track").order_by("-created_at", "slug")
    if wanted.published is not None:
        walks = walks.filter(published=wanted.published)
    items = list(walks[wanted.offset : wanted.offset + wanted.limit])
    return {"total": walks.count(), "limit": wanted.limit, "offset": wanted.offset, "items": items}


@private.post(
    "/uploads",
    response={201: UploadedWalk, 409: ProblemSchema, 422: ProblemSchema},
    openapi_extra=_UPLOAD_BODY,
    summary="Upload a GPX file",
)
@body_limit(MAX_GPX_BYTES + 64 * KILOBYTE)
def upload(request: HttpRequest, names: Query[UploadNames]) -> Any:
    """Make an unpublished walk of a GPX file: the body itself, or the part `file` of a form."""
    with _problems():
        walk = services.upload_walk(data=_file(request), name=names.name or "", region=names.region or "")
    return Status(201, walk)


@private.patch("/uploads/{slug}", response={200: UploadedWalk, 404: ProblemSchema}, summary="Edit a walk")
def edit(request: HttpRequest, slug: Path[Slug], changes: WalkEdit) -> Any:
    """Change name, region, summary or difficulty."""
    with _problems():
        return services.edit_walk(slug=slug, **changes.model_dump(exclude_unset=True))


@private.post("/uploads/{slug}/publish", response={200: UploadedWalk, 404: ProblemSchema}, summary="Publish")
def publish(request: HttpRequest, slug: Path[Slug]) -> Any:
    """Show the walk to everyone."""
    with _problems():
        return services.publish_walk(slug=slug)


@private.post("/uploads/{slug}/retire", response={200: UploadedWalk, 404: ProblemSchema}, summary="Retire")
def retire(request: HttpRequest, slug: Path[Slug]) -> Any:
    """Take the walk back from the public; it can be published again."""
    with _problems():
        return services.retire_walk(slug=slug)


@private.post(
    "/refresh",
    response={200: WindowRefreshReport, 202: QueuedJob, 404: ProblemSchema},
    summary="Refresh forecasts",
)
def refresh(request: HttpRequest, order: WindowRefresh) -> Any:
    """Fetch the forecast of one walk now, or those of all walks that have expired in a job."""
    if order.slug is None:
        # A minute and more with a provider that is far away: no request waits for that.
        return queued(tasks.refresh.enqueue(force=order.force))
    with _problems(), provider_named(default_provider()) as provider:
        report = refresh_windows(provider=provider, now=timezone.now(), slug=order.slug, force=order.force)
    return {
        "provider": provider.name,
        "outcomes": report.outcomes,
        "windows": report.windows,
        "problems": report.problems,
    }


def _file(request: HttpRequest) -> bytes:
    if request.content_type != "multipart/form-data":
        return request.read(MAX_GPX_BYTES + 1)
    file = request.FILES.get("file")
    if file is None:
        raise GpxError("The form has no part called 'file'. Send the GPX file as that.")
    data: bytes = file.read(MAX_GPX_BYTES + 1)
    return data


@contextmanager
def _problems() -> Iterator[None]:
    """Translate what services raise."""
    try:
        yield
    except GpxError as error:
        errors = [field_error("body", detail=str(error))]
        raise Problem(422, "Not a walk", detail=str(error), type="gpx-refused", errors=errors) from error
    except WalkExistsError as error:
        raise Problem(409, "Walk exists", detail=str(error), type="walk-exists", slug=error.slug) from error
    except WalkNotFoundError as error:
        raise _no_walk(error.slug, str(error)) from error


def _walk_page(found: queries.Page, wanted: WalkSearch) -> dict[str, Any]:
    return {
        "total": found.extent.total,
        "limit": wanted.limit,
        "offset": wanted.offset,
        "items": found.items,
    }


def _found(slug: str, walk: dict[str, Any] | None) -> dict[str, Any]:
    if walk is None:
        raise _no_walk(slug)
    return walk


def _no_walk(slug: str, detail: str = "") -> Problem:
    detail = detail or str(WalkNotFoundError(slug))
    return Problem(404, "Walk not found", detail=detail, type="walk-not-found")


def _version(walk: dict[str, Any]) -> tuple[object, ...]:
    return walk["id"], walk["updated_at"], walk["windows_at"]
