"""What agents can do with dark-sky sites beside what the contract offers."""

from typing import Final

from django.utils import timezone

from apps.stars import moon, queries, services
from apps.stars.errors import SiteExistsError, SiteNotFoundError, StarsError
from apps.stars.models import Site, SiteMonthStat
from apps.stars.sky import Place as SkyPlace
from apps.stars.tool_schemas import (
    Country,
    Elevation,
    MonthPage,
    MoonDay,
    Name,
    NightCount,
    Nights,
    Prose,
    SitePage,
    SiteShown,
    Slug,
    Text,
    ZoneName,
)
from contracts.stars import Around, Days, Place
from monolith.tools import Tag, tool
from monolith.tools.errors import ToolRefused
from monolith.tools.pages import After, Limit, filled, page_of, shown
from monolith.tools.refusals import Advice, refusing

_ADVICE: Final[Advice] = {SiteNotFoundError: "stars_list_sites lists those there are."}


@tool(tag=Tag.READ)
def list_sites(
    *,
    near: Around | None = None,
    country: Text | None = None,
    text: Text | None = None,
    limit: Limit = 20,
    after: After = "",
) -> SitePage:
    """List dark-sky sites by name: those within the radius of a place, of a country, or with words in their text."""
    place = None if near is None else SkyPlace(near.latitude, near.longitude)
    radius_km = None if near is None else near.radius_km
    if near is not None and radius_km is None:
        raise ToolRefused("`near` needs a radius_km here; stars_find_sites finds the best ones near a place.")
    found = queries.find_sites(queries.Search(near=place, radius_km=radius_km, country=country, text=text))
    return page_of(SitePage, found, order=("name", "slug"), after=after, limit=limit)


@tool(tag=Tag.READ, from_users=False)
def list_nights(*, site: Slug, count: NightCount = 7) -> Nights:
    """Return the nights of a site from this one on: when they are dark, what the moon does, and the forecast."""
    found = queries.get_site(site)
    if found is None:
        raise ToolRefused(f"No site is called '{site}'. {_ADVICE[SiteNotFoundError]}")
    nights, _ = queries.nights_ahead(found, now=timezone.now())
    return filled(
        Nights,
        site=site,
        time_zone=found["time_zone"],
        forecast_at=found["forecast_at"],
        nights=queries.night_page(nights, limit=count, offset=0),
    )


@tool(tag=Tag.READ, from_users=False)
def get_moon_days(*, place: Place, days: Days) -> list[MoonDay]:
    """Return the moon's phase, rise and set at a place on each day, by mean solar time there. Computed."""
    where = SkyPlace(place.latitude, place.longitude)
    return [shown(MoonDay, moon.moon_day(day, where)) for day in days]


@tool(tag=Tag.READ, from_users=False)
def list_months(*, site: Slug, limit: Limit = 12, after: After = "") -> MonthPage:
    """List what the nights of a site's past months were like, newest first."""
    found = queries.get_site(site)
    if found is None:
        raise ToolRefused(f"No site is called '{site}'. {_ADVICE[SiteNotFoundError]}")
    months = SiteMonthStat.objects.filter(site=found["id"])
    return page_of(MonthPage, months, order=("-month",), after=after, limit=limit)


@tool(tag=Tag.EXECUTE)
def add_site(
    *,
    name: Name,
    place: Place,
    time_zone: ZoneName,
    country: Country = "",
    summary: Prose = "",
    elevation_m: Elevation = 0.0,
) -> SiteShown:
    """Add a dark-sky site with its nights ahead; its hours come with the next refresh. It is public at once.

    The same name and place again are the site that is there.
    """
    with refusing(StarsError, advice=_ADVICE):
        try:
            site = services.add_site(
                name=name.strip(),
                latitude=place.latitude,
                longitude=place.longitude,
                time_zone=time_zone,
                now=timezone.now(),
                country=country,
                summary=summary,
                elevation_m=elevation_m,
            )
        except SiteExistsError as error:
            site = Site.objects.get(slug=error.slug)
            if (site.name, site.latitude, site.longitude) != (name.strip(), place.latitude, place.longitude):
                raise
    return shown(SiteShown, site)
