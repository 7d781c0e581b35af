"""The HTTP face of home: `public` for everyone, `private` for staff."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Status

from apps.home import queries, services
from apps.home.answers import (
    ProbeOut,
    ProbePage,
    Samples,
    SloHistory,
    SloOut,
    SloPage,
    StatsPage,
    StatusPage,
    Today,
    Topology,
)
from apps.home.errors import (
    OriginNotAllowedError,
    SampleStoreError,
    ServiceExistsError,
    ServiceNotFoundError,
    SloEditRefusedError,
    TooManyServicesError,
)
from apps.home.models import Service, SloSnapshot
from apps.home.requests import Day, NewProbe, Paging, ProbeEdit, SampleSearch, SloEdit, Slug, StatSearch
from apps.home.samples.stores import sample_store
from apps.home.slo import worst
from apps.home.snapshots import Kind
from contracts.home import Status as Health
from monolith.http.caching import cacheable
from monolith.http.problems import Problem, ProblemSchema, field_error

public = Router()
private = Router()

# As long as the step in which ages are told: a shared cache never shows one that is further off.
SHARED_S: Final = int(queries.AGE_STEP.total_seconds())
REVALIDATE_S: Final = 10  # an old status is worse than a slow one


@public.get("/status", response={200: StatusPage}, summary="How services do")
def show_status(request: HttpRequest) -> Any:
    """Every service as it was last measured; the age says when that was."""
    now = timezone.now()
    snapshot = queries.freshness(Kind.STATUS, now=now)
    return cacheable(
        request,
        version=snapshot.version,
        max_age_s=SHARED_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: snapshot.head | _statuses(queries.statuses(now=now)),
    )


@public.get("/stats", response={200: StatsPage, 422: ProblemSchema}, summary="Services by the hour")
def show_stats(request: HttpRequest, wanted: Query[StatSearch]) -> Any:
    """The last hours of services, from hour to hour in UTC; the current hour is not over."""
    now = timezone.now()
    snapshot = queries.freshness(Kind.STATS, now=now)
    return cacheable(
        request,
        version=snapshot.version,
        max_age_s=SHARED_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: snapshot.head | _stats(snapshot, wanted),
    )


@public.get("/topology", response={200: Topology}, summary="Modules and their calls")
def show_topology(request: HttpRequest) -> Any:
    """The modules of the system as they are declared, and how their services do."""
    snapshot = queries.freshness(Kind.TOPOLOGY, now=timezone.now())
    return cacheable(
        request,
        version=snapshot.version,
        max_age_s=SHARED_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: snapshot.head | {"items": queries.nodes()},
    )


@private.get("/probes", response={200: ProbePage}, summary="What is measured")
def list_probes(request: HttpRequest, wanted: Query[Paging]) -> Any:
    """Services with how they are asked, by slug."""
    found = queries.services()
    return _page(wanted, found.count(), list(found[wanted.offset : wanted.offset + wanted.limit]))


@private.post(
    "/probes", response={201: ProbeOut, 409: ProblemSchema, 422: ProblemSchema}, summary="Measure a service"
)
def add_probe(request: HttpRequest, probe: NewProbe) -> Any:
    """Add a service; it is asked once a minute, and measured from its first answer on."""
    with _problems():
        return Status(201, services.add_service(**probe.model_dump()))


@private.patch(
    "/probes/{slug}",
    response={200: ProbeOut, 404: ProblemSchema, 422: ProblemSchema},
    summary="Edit a service",
)
def edit_probe(request: HttpRequest, slug: Path[Slug], changes: ProbeEdit) -> Any:
    """Change how a service is asked, or switch it off."""
    with _problems():
        return services.edit_service(slug=slug, changes=changes.model_dump(exclude_unset=True))


@private.get(
    "/probes/{slug}/samples",
    response={200: Samples, 404: ProblemSchema, 503: ProblemSchema},
    summary="Newest samples",
)
def list_samples(request: HttpRequest, slug: Path[Slug], wanted: Query[SampleSearch]) -> Any:
    """How the last probes of a service went, newest first."""
    with _problems():
        service = services.get_service(slug)
        with sample_store() as store:
            found = store.newest(service.pk, limit=wanted.limit)
            return {"slug": slug, "store": store.name, "items": found}


@private.get("/slo", response={200: SloPage}, summary="Service levels")
def list_slos(request: HttpRequest, wanted: Query[Paging]) -> Any:
    """What is expected of each service, how it does, and whether it crossed its objective."""
    found = queries.services()
    page = list(found[wanted.offset : wanted.offset + wanted.limit])
    newest = queries.newest_snapshots([service.pk for service in page])
    return _page(wanted, found.count(), [_slo(service, newest.get(service.pk)) for service in page])


@private.patch(
    "/slo/{slug}",
    response={200: SloOut, 403: ProblemSchema, 404: ProblemSchema, 422: ProblemSchema},
    summary="Change a service level",
)
def edit_slo(request: HttpRequest, slug: Path[Slug], changes: SloEdit) -> Any:
    """Expect something else of a service from the next roll-up on, if compliance lets you."""
    with _problems():
        service = services.edit_slo(
            slug=slug, subject=f"user:{request.user.pk}", **changes.model_dump(exclude_unset=True)
        )
    found = queries.services().get(pk=service.pk)
    return _slo(found, queries.newest_snapshots([found.pk]).get(found.pk))


@private.get(
    "/slo/{slug}/history", response={200: SloHistory, 404: ProblemSchema}, summary="How a service did"
)
def list_history(request: HttpRequest, slug: Path[Slug], wanted: Query[Paging]) -> Any:
    """A service's snapshots of the last 90 days, newest first, each by the objective of its time."""
    with _problems():
        found = queries.history(services.get_service(slug))
    return {"slug": slug} | _page(
        wanted, found.count(), list(found[wanted.offset : wanted.offset + wanted.limit])
    )


@private.get("/calendar/today", response={200: Today, 422: ProblemSchema}, summary="Today's calendar")
def show_today(request: HttpRequest, wanted: Query[Day]) -> Any:
    """What happens today, and which notes of the wiki changed, by the clocks of a zone."""
    now = timezone.now()
    day = now.astimezone(wanted.zone).date()
    notes = queries.day_of_notes(day, wanted.zone)
    reading = queries.last_reading()
    read_at = reading.succeeded_at if reading else None
    return {
        "day": day,
        "time_zone": wanted.time_zone,
        "read_at": read_at,
        "stale": read_at is None or now - read_at > queries.CALENDAR_STALE_AFTER,
        "items": list(queries.day_of_events(day, wanted.zone)),
        "notes_changed": notes.count(),
        "notes": list(notes[: queries.NOTES_SHOWN]),
    }


def _statuses(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"overall": worst([Health(row["status"]) for row in found]), "items": found}


def _stats(snapshot: queries.Freshness, wanted: StatSearch) -> dict[str, Any]:
    total, items = (
        (0, [])
        if snapshot.at is None
        else queries.hours(
            slug=wanted.service,
            snapshot_at=snapshot.at,
            count=wanted.hours,
            limit=wanted.limit,
            offset=wanted.offset,
        )
    )
    return _page(wanted, total, items)


def _slo(service: Service, newest: SloSnapshot | None) -> dict[str, Any]:
    fields = ("slug", "name", "active", "target_pct", "window_minutes")
    return {field: getattr(service, field) for field in fields} | {
        "latch": getattr(service, "latch", None),
        "newest": newest,
    }


def _page(wanted: Paging, total: int, items: list[Any]) -> dict[str, Any]:
    return {"total": total, "limit": wanted.limit, "offset": wanted.offset, "items": items}


@contextmanager
def _problems() -> Iterator[None]:
    """Translate what services raise."""
    try:
        yield
    except ServiceNotFoundError as error:
        raise Problem(404, "Service not found", detail=str(error), type="service-not-found") from error
    except ServiceExistsError as error:
        raise Problem(
            409, "Service exists", detail=str(error), type="service-exists", slug=error.slug
        ) from error
    except TooManyServicesError as error:
        raise Problem(409, "Too many services", detail=str(error), type="too-many-services") from error
    except OriginNotAllowedError as error:
        errors = [field_error("body", "origin", detail=str(error))]
        raise Problem(422, "The request is not valid", errors=errors) from error
    except SloEditRefusedError as error:
        raise Problem(
            403, "Not allowed", detail=str(error), type="not-allowed", missing=list(error.missing)
        ) from error
    except SampleStoreError as error:
        raise Problem(503, "No samples now", detail=str(error), type="samples-unavailable") from error
