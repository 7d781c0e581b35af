"""The HTTP face of stars: `public` for everyone, `private` for staff."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Status

from apps.stars import queries, services, tasks
from apps.stars.answers import (
    BestNights,
    History,
    HourRefreshReport,
    KeptSite,
    KeptSitePage,
    MoonDays,
    NightPage,
    SiteHourPage,
    SiteOut,
    SitePage,
    SunDays,
    UsualMonthOut,
)
from apps.stars.errors import SiteExistsError, SiteNotFoundError
from apps.stars.forecast.providers import default_provider, provider_named
from apps.stars.models import Site
from apps.stars.moon import moon_day, next_quarters
from apps.stars.refresh import refresh_hours
from apps.stars.requests import (
    BestSearch,
    Climatology,
    HourRefresh,
    HourSearch,
    NewSite,
    Paging,
    SiteEdit,
    SiteSearch,
    SkyDays,
    Slug,
    place_of,
)
from apps.stars.sky import Place, mean_noon
from apps.stars.sun import sun_times
from monolith.http.caching import cacheable
from monolith.http.problems import Problem, ProblemSchema
from monolith.http.queued import QueuedJob, queued

public = Router()
private = Router()

STALE_AFTER: Final = timedelta(hours=6)  # two refreshes were missed
LIST_S: Final = 60  # longer spares the database, and shows a new site later
SITE_S: Final = 300
SKY_S: Final = 86_400  # the sun does not change its mind
REVALIDATE_S: Final = 600


@public.get("/sites", response={200: SitePage, 422: ProblemSchema}, summary="Find sites")
def list_sites(request: HttpRequest, wanted: Query[SiteSearch]) -> Any:
    """Sites that meet every condition given; without any, all of them."""
    search = wanted.search()
    sites = queries.find_sites(search)
    extent = queries.extent(sites)
    paging = {"limit": wanted.limit, "offset": wanted.offset}
    return cacheable(
        request,
        version=(extent.updated_at, extent.forecast_at, extent.total),
        max_age_s=LIST_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            "total": extent.total,
            **paging,
            "items": queries.page(sites, search, sort=wanted.sort, **paging),
        },
    )


@public.get("/best", response={200: BestNights, 422: ProblemSchema}, summary="Best nights ahead")
def list_best(request: HttpRequest, wanted: Query[BestSearch]) -> Any:
    """Sites with clear dark hours in the days ahead, each with its best night, best first."""
    wanted.require_place()
    now = timezone.now()
    extent = queries.extent(Site.objects.all())
    return cacheable(
        request,
        version=(extent.updated_at, extent.forecast_at, extent.total, _hour(now)),
        max_age_s=LIST_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            "items": queries.best_nights(
                now=now,
                near=wanted.place,
                radius_km=wanted.radius_km,
                nights=wanted.nights,
                limit=wanted.limit,
            )
        },
    )


@public.get("/sites/{slug}", response={200: SiteOut, 404: ProblemSchema}, summary="One site")
def show_site(request: HttpRequest, slug: Path[Slug]) -> Any:
    """Where a site is and how old its forecast is."""
    site = _found(slug)
    return cacheable(
        request,
        version=(site["id"], site["updated_at"], site["forecast_at"]),
        max_age_s=SITE_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: site,
    )


@public.get("/sites/{slug}/nights", response={200: NightPage, 404: ProblemSchema}, summary="Nights ahead")
def list_nights(request: HttpRequest, slug: Path[Slug], wanted: Query[Paging]) -> Any:
    """The nights from this one on: when they are dark, what the moon does, and what the forecast says."""
    now = timezone.now()
    site = _found(slug)
    nights, extent = queries.nights_ahead(site, now=now)
    paging = {"limit": wanted.limit, "offset": wanted.offset}
    stale = _is_stale(site, now)
    return cacheable(
        request,
        version=(site["id"], extent.updated_at, extent.forecast_at, extent.total, _hour(now), stale),
        max_age_s=SITE_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            **site,
            "stale": stale,
            "total": extent.total,
            **paging,
            "items": queries.night_page(nights, **paging),
        },
    )


@public.get("/sites/{slug}/hours", response={200: SiteHourPage, 404: ProblemSchema}, summary="Hours ahead")
def list_hours(request: HttpRequest, slug: Path[Slug], wanted: Query[HourSearch]) -> Any:
    """The hours of the forecast that are not over, with sun and moon."""
    now = timezone.now()
    site = _found(slug)
    hours, total = queries.hours_ahead(site, now=now, night=wanted.night, clear_dark=wanted.clear_dark)
    paging = {"limit": wanted.limit, "offset": wanted.offset}
    stale = _is_stale(site, now)
    return cacheable(
        request,
        version=(site["id"], site["forecast_at"], total, _hour(now), stale),
        max_age_s=SITE_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            **site,
            "stale": stale,
            "total": total,
            **paging,
            "items": queries.hour_page(hours, **paging),
        },
    )


@public.get("/sites/{slug}/history", response={200: History, 404: ProblemSchema}, summary="Month by month")
def list_months(request: HttpRequest, slug: Path[Slug], wanted: Query[Paging]) -> Any:
    """What the nights of each month were like, newest first, and what the months are usually like."""
    site = _found(slug)
    total, *age = queries.history_version(site)
    paging = {"limit": wanted.limit, "offset": wanted.offset}
    return cacheable(
        request,
        version=(site["id"], total, *age),
        max_age_s=SITE_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            "slug": slug,
            "usual": queries.usual_months(site),
            "total": total,
            **paging,
            "items": queries.month_page(site, **paging),
        },
    )


@public.get("/sun", response={200: SunDays, 422: ProblemSchema}, summary="Sunrise and sunset")
def list_sun_times(request: HttpRequest, wanted: Query[SkyDays]) -> Any:
    """Sunrise, noon and sunset anywhere. A day is that of the place, by mean solar time."""
    place, days = _days(wanted)
    return cacheable(
        request,
        version=days,
        max_age_s=SKY_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {**place._asdict(), "items": [sun_times(day, place) for day in days]},
    )


@public.get("/moon", response={200: MoonDays, 422: ProblemSchema}, summary="Moonrise, moonset and phase")
def list_moon_days(request: HttpRequest, wanted: Query[SkyDays]) -> Any:
    """The moon anywhere. A day is that of the place, by mean solar time."""
    place, days = _days(wanted)
    return cacheable(
        request,
        version=days,
        max_age_s=SKY_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            **place._asdict(),
            "items": [moon_day(day, place) for day in days],
            "next_quarters": next_quarters(mean_noon(days[0], place.longitude) - 0.5),
        },
    )


@private.get("/catalogue", response={200: KeptSitePage}, summary="All sites, with how their forecasts went")
def list_catalogue(request: HttpRequest, wanted: Query[Paging]) -> Any:
    """Sites with what only their keepers see, by name."""
    sites = Site.objects.select_related("last_forecast").order_by("name", "slug")
    return {
        "total": sites.count(),
        "limit": wanted.limit,
        "offset": wanted.offset,
        "items": [_kept(site) for site in sites[wanted.offset : wanted.offset + wanted.limit]],
    }


@private.post(
    "/catalogue", response={201: KeptSite, 409: ProblemSchema, 422: ProblemSchema}, summary="Add a site"
)
def add_site(request: HttpRequest, site: NewSite) -> Any:
    """Add a site with its nights ahead; its hours come with the next refresh."""
    with _problems():
        return Status(201, _kept(services.add_site(now=timezone.now(), **site.model_dump())))


@private.patch("/catalogue/{slug}", response={200: KeptSite, 404: ProblemSchema}, summary="Edit a site")
def edit_site(request: HttpRequest, slug: Path[Slug], changes: SiteEdit) -> Any:
    """Change name, country or summary."""
    with _problems():
        return _kept(services.edit_site(slug=slug, **changes.model_dump(exclude_unset=True)))


@private.put(
    "/catalogue/{slug}/climatology",
    response={200: list[UsualMonthOut], 404: ProblemSchema},
    summary="Load what months are usually like",
)
def load_climatology(request: HttpRequest, slug: Path[Slug], given: Climatology) -> Any:
    """Replace the months given; the others stay."""
    months = [services.UsualMonth(**month.model_dump()) for month in given.months]
    with _problems():
        return services.load_climatology(slug=slug, source=given.source, months=months)


@private.post(
    "/refresh",
    response={200: HourRefreshReport, 202: QueuedJob, 404: ProblemSchema},
    summary="Refresh forecasts",
)
def refresh(request: HttpRequest, order: HourRefresh) -> Any:
    """Fetch the forecast of one site now, or those of all sites that have expired in a job."""
    if order.slug is None:
        # A minute and more with a provider that is far away: no request waits for that.
        return queued(tasks.refresh.enqueue(force=order.force))
    with _problems(), provider_named(default_provider()) as provider:
        report = refresh_hours(provider=provider, now=timezone.now(), slug=order.slug, force=order.force)
    return {
        "provider": provider.name,
        "outcomes": report.outcomes,
        "hours": report.hours,
        "problems": report.problems,
    }


def _kept(site: Site) -> dict[str, Any]:
    fields = (*queries.SITE_FIELDS, "created_at")
    return {field: getattr(site, field) for field in fields} | {
        "last_forecast": getattr(site, "last_forecast", None)
    }


def _found(slug: str) -> dict[str, Any]:
    site = queries.get_site(slug)
    if site is None:
        raise _no_site(SiteNotFoundError(slug))
    return site


def _no_site(error: SiteNotFoundError) -> Problem:
    return Problem(404, "Site not found", detail=str(error), type="site-not-found")


@contextmanager
def _problems() -> Iterator[None]:
    """Translate what services raise."""
    try:
        yield
    except SiteNotFoundError as error:
        raise _no_site(error) from error
    except SiteExistsError as error:
        raise Problem(409, "Site exists", detail=str(error), type="site-exists", slug=error.slug) from error


def _days(wanted: SkyDays) -> tuple[Place, list[date]]:
    place = place_of(wanted.place)
    first = wanted.day or (timezone.now() + timedelta(hours=place.longitude / 15)).date()
    return place, [first + timedelta(days=ahead) for ahead in range(wanted.days)]


def _is_stale(site: dict[str, Any], now: datetime) -> bool:
    return site["forecast_at"] is None or now - site["forecast_at"] > STALE_AFTER


def _hour(now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H}"
