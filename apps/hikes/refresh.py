"""Fetching forecasts and keeping the windows of walks. Runs as hikes: enter the module first.

Stars is asked first when it is light at them all. For each walk: the network first, with no transaction open, then
one short write.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched
from math import inf
from time import monotonic
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.hikes.announcing import tell_of_windows
from apps.hikes.daylight import MAX_PLACES, ask_daylight
from apps.hikes.errors import DaylightError, ForecastError, WalkNotFoundError, WalkNotPublicError
from apps.hikes.forecast.port import Forecast, ForecastProvider
from apps.hikes.models import FetchStatus, ForecastFetch, Walk, Window
from apps.hikes.windows import HORIZON, HOUR, Light, Weather, is_viable, local_day
from monolith import atomic

# Kept a little beyond the horizon, so that an unchanged forecast can still fill its last day.
KEPT: Final = HORIZON + timedelta(days=3)
FETCHES_KEPT: Final = timedelta(days=30)
CURRENT: Final = "current"  # its forecast has not expired, so nobody was asked
LEFT: Final = "left"  # the time was used up before its turn
_UPDATED: Final = ["day", "temp_c", "precip_mm", "wind_kmh", "cloud_pct", "viable"]


@dataclass(frozen=True, slots=True)
class Place:
    """What refreshing needs to know of a walk."""

    id: UUID
    slug: str
    latitude: float
    longitude: float
    elevation_m: float
    has_windows: bool


@dataclass(slots=True)
class RefreshReport:
    """How a refresh went: walks by outcome, and why some failed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    windows: int = 0
    problems: dict[str, str] = field(default_factory=dict)  # by slug

    @property
    def all_failed(self) -> bool:
        return set(self.outcomes) == {FetchStatus.FAILED.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """How many rows a pruning removed."""

    windows: int
    fetches: int


def refresh_windows(
    *,
    provider: ForecastProvider,
    now: datetime,
    slug: str | None = None,
    force: bool = False,
    budget_s: float | None = None,
    on_walk: Callable[[str, str], None] = lambda slug, outcome: None,
) -> RefreshReport:
    """Bring the windows of the published walks, or of one of them, up to date.

    A walk whose forecast has not expired is left alone unless `force`. One that fails keeps its windows and
    does not stop the others; after `budget_s` seconds no further one is asked for. Where stars cannot be asked when
    it is light, the walks fail that need to know. Raises WalkNotFoundError, and WalkNotPublicError for a draft.
    """
    places = _places(slug, now)
    latest = {} if force else _latest_answers([place.id for place in places], provider.name)
    ends_at = inf if budget_s is None else monotonic() + budget_s
    report = RefreshReport()
    for place, outcome in _refreshed(places, latest, provider, now, ends_at, report):
        report.outcomes[outcome] += 1
        on_walk(place.slug, outcome)
    return report


def prune_windows(*, now: datetime) -> PruneReport:
    """Remove hours that are over, and records of questions older than 30 days."""
    with atomic():
        windows, _ = Window.objects.filter(starts_at__lte=now - HOUR).delete()
        fetches, _ = ForecastFetch.objects.filter(at__lt=now - FETCHES_KEPT).delete()
    return PruneReport(windows=windows, fetches=fetches)


def _places(slug: str | None, now: datetime) -> list[Place]:
    walks = Walk.objects.filter(published=True, **({} if slug is None else {"slug": slug}))
    ahead = Window.objects.filter(walk=OuterRef("pk"), starts_at__gt=now)
    fields = ("id", "slug", "latitude", "longitude", "track__0__2", "ahead")
    rows = walks.annotate(ahead=Exists(ahead)).order_by("slug").values_list(*fields)
    if slug is not None and not rows:
        drafts = Walk.objects.filter(slug=slug)
        raise WalkNotPublicError(slug) if drafts.exists() else WalkNotFoundError(slug)
    return [Place(*row) for row in rows]


def _latest_answers(walks: list[UUID], provider: str) -> dict[UUID, ForecastFetch]:
    """Return each walk's last answer where this provider gave it: another one's dates mean nothing to it."""
    answers = ForecastFetch.objects.filter(
        walk__in=walks, status__in=(FetchStatus.FETCHED, FetchStatus.UNCHANGED)
    )
    newest = answers.order_by("walk_id", "-at", "-pk").distinct("walk_id")
    return {fetch.walk_id: fetch for fetch in newest if fetch.provider == provider}


def _refreshed(
    places: list[Place],
    latest: Mapping[UUID, ForecastFetch],
    provider: ForecastProvider,
    now: datetime,
    ends_at: float,
    report: RefreshReport,
) -> Iterator[tuple[Place, str]]:
    """Yield each place with what came of it; stars is asked once for each hundred of those that are due."""
    due = []
    for place in places:
        if _is_current(place, latest.get(place.id), now):
            yield place, CURRENT
        else:
            due.append(place)
    for batch in batched(due, MAX_PLACES):
        if monotonic() > ends_at:
            yield from ((place, LEFT) for place in batch)
            continue
        for place, light in zip(batch, _ask_light(batch, now), strict=True):
            if monotonic() > ends_at:
                yield place, LEFT
            else:
                yield place, _refresh(place, latest.get(place.id), provider, now, light, report)


def _is_current(place: Place, last: ForecastFetch | None, now: datetime) -> bool:
    return bool(last and place.has_windows and last.expires and now < last.expires)


def _ask_light(places: Sequence[Place], now: datetime) -> Sequence[Sequence[Light] | DaylightError]:
    where = [(place.latitude, place.longitude) for place in places]
    try:
        return ask_daylight(where, start=now - HOUR, end=now + HORIZON + HOUR)
    except DaylightError as error:
        return [error] * len(places)


def _refresh(
    place: Place,
    last: ForecastFetch | None,
    provider: ForecastProvider,
    now: datetime,
    light: Sequence[Light] | DaylightError,
    report: RefreshReport,
) -> str:
    if isinstance(light, DaylightError):
        forecast, failure, light = Forecast(), str(light), ()
    else:
        forecast, failure = _fetch(place, last, provider, now)
    hours = [hour for hour in forecast.hours if now - HOUR < hour.starts_at <= now + KEPT]
    status = _status(forecast, hours, failure)
    error_text = failure or _refusals(forecast)
    with atomic():
        # The walk's row first: whoever holds it refreshes alone, and one retired or deleted meanwhile is noticed.
        walk = Walk.objects.select_for_update().only("slug").filter(pk=place.id, published=True).first()
        if walk is None:
            return str(FetchStatus.EMPTY)
        if status == FetchStatus.FETCHED:
            report.windows += _replace(place, hours, now, light)
        elif status == FetchStatus.UNCHANGED:
            _judge_again(place, now, light)
        if status in (FetchStatus.FETCHED, FetchStatus.UNCHANGED):
            Walk.objects.filter(pk=place.id).update(windows_at=now)
        ForecastFetch.objects.create(
            walk_id=place.id,
            provider=provider.name,
            at=now,
            status=status,
            error=error_text,
            expires=forecast.expires,
            last_modified=forecast.last_modified,
        )
        if status in (FetchStatus.FETCHED, FetchStatus.UNCHANGED):
            tell_of_windows(walk, now=now)
    if error_text:
        report.problems[place.slug] = error_text
    return str(status)


def _fetch(
    place: Place, last: ForecastFetch | None, provider: ForecastProvider, now: datetime
) -> tuple[Forecast, str]:
    """Return the answer, and why there is none."""
    try:
        forecast = provider.fetch(
            latitude=place.latitude,
            longitude=place.longitude,
            elevation_m=place.elevation_m,
            last_modified=last.last_modified if last and place.has_windows else "",
            now=now,
        )
    except ForecastError as error:
        return Forecast(), str(error)
    return forecast, ""


def _status(forecast: Forecast, hours: list[Weather], failure: str) -> FetchStatus:
    if failure:
        return FetchStatus.FAILED
    if forecast.unchanged:
        return FetchStatus.UNCHANGED
    return FetchStatus.FETCHED if hours else FetchStatus.EMPTY


def _refusals(forecast: Forecast) -> str:
    if not forecast.refused:
        return ""
    return f"{len(forecast.refused)} items refused; the first: {forecast.refused[0]}"


def _replace(place: Place, hours: list[Weather], now: datetime, light: Sequence[Light]) -> int:
    rows = [
        Window(
            walk_id=place.id,
            starts_at=hour.starts_at,
            day=local_day(hour.starts_at, longitude=place.longitude),
            temp_c=hour.temp_c,
            precip_mm=hour.precip_mm,
            wind_kmh=hour.wind_kmh,
            cloud_pct=hour.cloud_pct,
            viable=_viable(hour, now, light),
        )
        for hour in hours
    ]
    Window.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["walk", "starts_at"], update_fields=_UPDATED
    )
    # What the new forecast no longer speaks of would be served as if it did.
    gone = Window.objects.filter(walk=place.id, starts_at__gt=now)
    gone.exclude(starts_at__in=[row.starts_at for row in rows]).delete()
    return len(rows)


def _judge_again(place: Place, now: datetime, light: Sequence[Light]) -> None:
    """Time alone brings hours within the horizon, also when the forecast stays the same."""
    changed = []
    for window in Window.objects.filter(walk=place.id, starts_at__gt=now - HOUR):
        if window.viable != (viable := _viable(window, now, light)):
            window.viable = viable
            changed.append(window)
    Window.objects.bulk_update(changed, ["viable"])


def _viable(hour: Weather | Window, now: datetime, light: Sequence[Light]) -> bool:
    return is_viable(
        starts_at=hour.starts_at, precip_mm=hour.precip_mm, wind_kmh=hour.wind_kmh, now=now, light=light
    )
