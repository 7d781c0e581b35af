"""Fetching forecasts and keeping the hours of sites. Runs as stars: enter the module first.

For each site: the network first, with no transaction open, then one short write. Nothing is removed here.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.db.models import Exists, OuterRef

from apps.stars.announcing import tell_of_good_nights
from apps.stars.errors import ForecastError, SiteNotFoundError
from apps.stars.forecast.port import Forecast, ForecastProvider
from apps.stars.models import FetchStatus, Site, SiteForecast, SiteHour
from apps.stars.nights import night_of
from apps.stars.scoring import score, sky_at
from apps.stars.sky import Place
from apps.stars.weather import HOUR, Weather, dew_spread_c
from apps.stars.zones import zone_named
from monolith import atomic

HORIZON: Final = timedelta(days=9)  # beyond it a forecast is a guess
CURRENT: Final = "current"  # its forecast has not expired, so nobody was asked
LEFT: Final = "left"  # the time was used up before its turn
_UPDATED: Final = [
    "night",
    "temp_c",
    "humidity_pct",
    "wind_kmh",
    "cloud_pct",
    "dew_spread_c",
    "sun_altitude_deg",
    "moon_altitude_deg",
    "moon_illumination",
    "score",
]


@dataclass(slots=True)
class RefreshReport:
    """How a refresh went: sites by outcome, and why some failed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    hours: int = 0
    problems: dict[str, str] = field(default_factory=dict)  # by slug

    @property
    def all_failed(self) -> bool:
        return set(self.outcomes) == {FetchStatus.FAILED.value}


def refresh_hours(
    *,
    provider: ForecastProvider,
    now: datetime,
    slug: str | None = None,
    force: bool = False,
    budget_s: float | None = None,
    on_site: Callable[[str, str], None] = lambda slug, outcome: None,
) -> RefreshReport:
    """Bring the hours of all sites, or of one of them, up to date.

    A site whose forecast has not expired is left alone unless `force`. One that fails keeps its hours and does not
    stop the others; after `budget_s` seconds no further one is asked for. Raises SiteNotFoundError.
    """
    report = RefreshReport()
    started = monotonic()
    for site, has_hours in _sites(slug, now):
        last = _last_answer(site, provider) if has_hours and not force else None
        if budget_s is not None and monotonic() - started > budget_s:
            outcome = LEFT
        elif last and last.expires and now < last.expires:
            outcome = CURRENT
        else:
            outcome = _refresh(site, provider, last.last_modified if last else "", now, report)
        report.outcomes[outcome] += 1
        on_site(site.slug, outcome)
    return report


def _sites(slug: str | None, now: datetime) -> Sequence[tuple[Site, bool]]:
    sites = Site.objects.select_related("last_forecast").order_by("slug")
    if slug is not None:
        sites = sites.filter(slug=slug)
    ahead = SiteHour.objects.filter(site=OuterRef("pk"), starts_at__gt=now)
    found = [(site, site.has_hours) for site in sites.annotate(has_hours=Exists(ahead))]
    if slug is not None and not found:
        raise SiteNotFoundError(slug)
    return found


def _last_answer(site: Site, provider: ForecastProvider) -> SiteForecast | None:
    """Return the last answer where it is one and this provider's: another one's dates mean nothing to it."""
    last = getattr(site, "last_forecast", None)
    if last is None or last.provider != provider.name:
        return None
    return last if last.status in (FetchStatus.FETCHED, FetchStatus.UNCHANGED) else None


def _refresh(
    site: Site, provider: ForecastProvider, last_modified: str, now: datetime, report: RefreshReport
) -> str:
    try:
        forecast = provider.fetch(
            latitude=site.latitude,
            longitude=site.longitude,
            elevation_m=site.elevation_m,
            last_modified=last_modified,
            now=now,
        )
    except ForecastError as error:
        forecast, failure = Forecast(), str(error)
    else:
        failure = ""
    rows = [_row(site, hour) for hour in forecast.hours if now - HOUR < hour.starts_at <= now + HORIZON]
    status = _status(forecast, rows, failure)
    error_text = failure or _refusals(forecast)
    with atomic():
        # The site's row first: whoever holds it refreshes alone, and one deleted meanwhile is noticed.
        if not Site.objects.select_for_update().filter(pk=site.pk).values("pk"):
            return str(FetchStatus.EMPTY)
        _store(rows)
        if status in (FetchStatus.FETCHED, FetchStatus.UNCHANGED):
            Site.objects.filter(pk=site.pk).update(forecast_at=now)
        SiteForecast.objects.update_or_create(
            site_id=site.pk,
            defaults={
                "provider": provider.name,
                "at": now,
                "status": status,
                "error": error_text,
                "expires": forecast.expires,
                "last_modified": forecast.last_modified,
            },
        )
        if status in (FetchStatus.FETCHED, FetchStatus.UNCHANGED):
            tell_of_good_nights(site, now=now)
    report.hours += len(rows)
    if error_text:
        report.problems[site.slug] = error_text
    return str(status)


def _status(forecast: Forecast, rows: list[SiteHour], failure: str) -> FetchStatus:
    if failure:
        return FetchStatus.FAILED
    if forecast.unchanged:
        return FetchStatus.UNCHANGED
    return FetchStatus.FETCHED if rows else FetchStatus.EMPTY


def _refusals(forecast: Forecast) -> str:
    if not forecast.refused:
        return ""
    return f"{len(forecast.refused)} items refused; the first: {forecast.refused[0]}"


def _row(site: Site, hour: Weather) -> SiteHour:
    sky = sky_at(hour.starts_at, Place(site.latitude, site.longitude))
    return SiteHour(
        site=site,
        starts_at=hour.starts_at,
        night=night_of(hour.starts_at, zone_named(site.time_zone)),
        temp_c=hour.temp_c,
        humidity_pct=hour.humidity_pct,
        wind_kmh=hour.wind_kmh,
        cloud_pct=hour.cloud_pct,
        dew_spread_c=round(dew_spread_c(temp_c=hour.temp_c, humidity_pct=hour.humidity_pct), 1),
        sun_altitude_deg=round(sky.sun_altitude_deg, 2),
        moon_altitude_deg=round(sky.moon_altitude_deg, 2),
        moon_illumination=round(sky.moon_illumination, 3),
        score=score(hour, sky),
    )


def _store(rows: list[SiteHour]) -> None:
    SiteHour.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["site", "starts_at"], update_fields=_UPDATED
    )
