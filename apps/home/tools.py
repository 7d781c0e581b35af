"""What agents can see of how the system does, and change of what is expected of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone

from apps.home import queries, services
from apps.home.errors import HomeError, SampleStoreError, ServiceNotFoundError
from apps.home.models import Service, SloSnapshot
from apps.home.samples.stores import sample_store
from apps.home.snapshots import Kind
from apps.home.tool_schemas import (
    Level,
    LevelPage,
    SampleLimit,
    Samples,
    Slo,
    SloPage,
    Slug,
    Target,
    Today,
    Topology,
    Window,
    ZoneName,
)
from monolith.contracts import call_scope
from monolith.tools import Tag, tool
from monolith.tools.errors import ToolRefused
from monolith.tools.pages import After, Limit, filled, page_of, shown
from monolith.tools.refusals import Advice, refusing

MAX_EVENTS: Final = 100
_ADVICE: Final[Advice] = {ServiceNotFoundError: "home_list_slos lists those there are."}


@tool(tag=Tag.READ)
def list_slos(*, limit: Limit = 20, after: After = "") -> SloPage:
    """List what is expected of each service, how it does, and whether it has crossed its objective."""
    page = page_of(SloPage, queries.services(), order=("slug",), after=after, limit=limit, item=_slo)
    newest = _newest([slo.slug for slo in page.items])
    items = [slo.model_copy(update={"newest": newest.get(slo.slug)}) for slo in page.items]
    return page.model_copy(update={"items": items})


@tool(tag=Tag.READ, from_users=False)
def list_slo_history(*, service: Slug, limit: Limit = 20, after: After = "") -> LevelPage:
    """List what was said of a service in the last 90 days, newest first, each by the objective of its time."""
    with refusing(HomeError, advice=_ADVICE):
        found = queries.history(services.get_service(service))
    return page_of(LevelPage, found, order=("-at",), after=after, limit=limit)


@tool(tag=Tag.READ, from_users=False)
def list_samples(*, service: Slug, limit: SampleLimit = 60) -> Samples:
    """Return how the last probes of a service went, newest first."""
    try:
        with refusing(ServiceNotFoundError, advice=_ADVICE):
            found = services.get_service(service)
        with sample_store() as store:
            return filled(Samples, slug=service, items=store.newest(found.pk, limit=limit))
    except SampleStoreError as error:  # what it says is about the store
        raise ToolRefused("The samples cannot be read now; try again in a minute.") from error


@tool(tag=Tag.READ, from_users=False)
def get_topology() -> Topology:
    """Return the modules of the system as they are declared, which calls which, and how their services do."""
    snapshot = queries.freshness(Kind.TOPOLOGY, now=timezone.now())
    return filled(Topology, snapshot_at=snapshot.at, stale=snapshot.stale, items=queries.nodes())


@tool(tag=Tag.READ)
def get_today(*, time_zone: ZoneName = "UTC") -> Today:
    """Return what happens today and which notes of the wiki changed, by the clocks of a zone (`Europe/London`)."""
    if time_zone not in available_timezones():
        raise ToolRefused(f"No time zone is called '{time_zone}'; use an IANA name, such as Europe/London.")
    zone, now = ZoneInfo(time_zone), timezone.now()
    day = now.astimezone(zone).date()
    reading = queries.last_reading()
    read_at = reading.succeeded_at if reading else None
    return filled(
        Today,
        day=day,
        time_zone=time_zone,
        read_at=read_at,
        stale=read_at is None or now - read_at > queries.CALENDAR_STALE_AFTER,
        events=list(queries.day_of_events(day, zone)[:MAX_EVENTS]),
        notes=list(queries.day_of_notes(day, zone)[: queries.NOTES_SHOWN]),
    )


@tool(tag=Tag.EXECUTE)
def edit_slo(*, service: Slug, target_pct: Target | None = None, window_minutes: Window | None = None) -> Slo:
    """Expect something else of a service from the next roll-up on, if compliance lets this token.

    `target_pct` of the probes in the last `window_minutes` are to be good; what is left out stays.
    """
    target = None if target_pct is None else round(Decimal(str(target_pct)), 3)
    if target == 0:
        raise ToolRefused("`target_pct` has at most three decimals, so it is at least 0.001.")
    with refusing(HomeError, advice=_ADVICE):
        services.edit_slo(
            slug=service, subject=call_scope().actor, target_pct=target, window_minutes=window_minutes
        )
    found = _slo(queries.services().get(slug=service))
    return found.model_copy(update={"newest": _newest([service]).get(service)})


def _newest(slugs: list[str]) -> Mapping[str, Level]:
    numbers = dict(Service.objects.filter(slug__in=slugs).values_list("pk", "slug"))
    found: dict[int, SloSnapshot] = queries.newest_snapshots(list(numbers))
    return {numbers[number]: shown(Level, snapshot) for number, snapshot in found.items()}


def _slo(service: Service) -> Slo:
    names = ("slug", "name", "active", "target_pct", "window_minutes")
    latch = getattr(service, "latch", None)
    return filled(
        Slo,
        **{name: getattr(service, name) for name in names},
        breached=latch is not None and latch.breached,
        newest=None,
    )
