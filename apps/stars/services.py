"""What can be done with sites and their nights. Runs as stars: enter the module first."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import IntegrityError
from django.utils.text import slugify

from apps.stars.errors import SiteExistsError, SiteNotFoundError
from apps.stars.models import NightTable, Site, SiteMonthClimatology
from apps.stars.nights import night_at, night_of
from apps.stars.sky import Place
from apps.stars.zones import zone_named
from monolith import atomic

NIGHTS_AHEAD: Final = 35  # one moon and a few nights; more costs a millisecond for each site and night
SLUG_LENGTH: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualMonth:
    """What a month of the year is usually like."""

    month: int  # 1 to 12
    cloud_pct: float
    clear_dark_pct: float


def add_site(
    *,
    name: str,
    latitude: float,
    longitude: float,
    time_zone: str,
    now: datetime,
    country: str = "",
    summary: str = "",
    elevation_m: float = 0,
    slug: str = "",
) -> Site:
    """Store a site and its nights ahead; its slug comes from the name where none is given.

    Raises UnknownZoneError, SiteExistsError when the slug is taken.
    """
    zone_named(time_zone)
    site = Site(
        slug=slug or slug_of(name),
        name=name,
        country=country,
        summary=summary,
        latitude=latitude,
        longitude=longitude,
        elevation_m=elevation_m,
        time_zone=time_zone,
    )
    nights = [_table(site, night, now) for night in _nights_ahead(site, now)]
    try:
        with atomic():
            site.save(force_insert=True)
            NightTable.objects.bulk_create(nights)
    except IntegrityError as error:
        if Site.objects.filter(slug=site.slug).exists():
            raise SiteExistsError(site.slug) from error
        raise
    return site


def slug_of(name: str) -> str:
    """Return the slug of a site with that name."""
    return slugify(name.replace("_", " "))[:SLUG_LENGTH].strip("-") or "site"


def edit_site(
    *,
    slug: str,
    name: str | None = None,
    country: str | None = None,
    summary: str | None = None,
) -> Site:
    """Change what people wrote about a site; None leaves a field alone. Raises SiteNotFoundError."""
    given = {"name": name, "country": country, "summary": summary}
    with atomic():
        site = _locked(slug)
        differing = [field for field, value in given.items() if value not in (None, getattr(site, field))]
        for field in differing:
            setattr(site, field, given[field])
        if differing:
            site.save(update_fields=[*differing, "updated_at"])
    return site


def load_climatology(*, slug: str, source: str, months: Sequence[UsualMonth]) -> list[SiteMonthClimatology]:
    """Replace what the given months are usually like; others stay. Raises SiteNotFoundError."""
    with atomic():
        site = _locked(slug)
        rows = [SiteMonthClimatology(site=site, source=source, **asdict(month)) for month in months]
        SiteMonthClimatology.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["site", "month"],
            update_fields=["cloud_pct", "clear_dark_pct", "source", "updated_at"],
        )
    return list(SiteMonthClimatology.objects.filter(site=site))


def compute_nights(*, now: datetime) -> int:
    """Store the nights ahead that are missing, of all sites; return how many."""
    sites = list(Site.objects.all())
    known = set(
        NightTable.objects.filter(night__gte=now.date() - timedelta(days=2)).values_list("site", "night")
    )
    missing = [
        _table(site, night, now)
        for site in sites
        for night in _nights_ahead(site, now)
        if (site.pk, night) not in known
    ]
    NightTable.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)


def _nights_ahead(site: Site, now: datetime) -> Iterable[date]:
    tonight = night_of(now, zone_named(site.time_zone))
    return (tonight + timedelta(days=ahead) for ahead in range(NIGHTS_AHEAD))


def _table(site: Site, night: date, now: datetime) -> NightTable:
    place = Place(site.latitude, site.longitude)
    times = night_at(place, zone_named(site.time_zone), night)
    return NightTable(site=site, computed_at=now, **asdict(times))


def _locked(slug: str) -> Site:
    site = Site.objects.select_for_update().filter(slug=slug).first()
    if site is None:
        raise SiteNotFoundError(slug)
    return site
