"""What the routes read. The first part reads the public tables only, so that it works as the anonymous role."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from apps.home.models import (
    CalendarEvent,
    CalendarFetch,
    PublicNode,
    PublicSnapshot,
    PublicStat,
    PublicStatus,
    RecentNote,
    Service,
    SloSnapshot,
)
from apps.home.samples.port import interval_start
from apps.home.slo import share_pct
from apps.home.snapshots import Kind, is_stale

AGE_STEP: Final = timedelta(seconds=10)
"""Ages are told in such steps: a smaller one keeps shared caches from answering twice alike."""
HOUR: Final = timedelta(hours=1)
CALENDAR_STALE_AFTER: Final = timedelta(hours=1)  # four readings were missed
NOTES_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old a snapshot is."""

    at: datetime | None  # None: there is none
    age_s: int | None  # rounded down to AGE_STEP
    stale: bool
    rows: int

    @property
    def version(self) -> tuple[object, ...]:
        """What the answer depends on."""
        return self.at, self.rows, self.age_s, self.stale

    @property
    def head(self) -> dict[str, object]:
        """What every answer says of its snapshot."""
        return {"snapshot_at": self.at, "age_s": self.age_s, "stale": self.stale}


def freshness(kind: Kind, *, now: datetime) -> Freshness:
    """Return how old the snapshot of a kind is, in one statement."""
    found = PublicSnapshot.objects.filter(kind=kind).values_list("at", "rows")
    at, rows = next(iter(found), (None, 0))
    # Two machines' clocks differ; an age below nothing would be nonsense.
    age = None if at is None else max(now - at, timedelta()) // AGE_STEP * AGE_STEP
    return Freshness(
        at=at,
        age_s=None if age is None else age // timedelta(seconds=1),
        stale=is_stale(at, now=now),
        rows=rows,
    )


def statuses(*, now: datetime, slugs: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Return services as everyone may see them, by slug, in one statement."""
    found = PublicStatus.objects.order_by("slug")
    if slugs is not None:
        found = found.filter(slug__in=slugs)
    return [row | {"stale": is_stale(row["probed_at"], now=now)} for row in found.values()]


def hours(
    *, slug: str | None, snapshot_at: datetime, count: int, limit: int, offset: int
) -> tuple[int, list[dict[str, Any]]]:
    """Return how many services there are, and one page of them with their last `count` hours, in two statements."""
    services = PublicStatus.objects.order_by("slug")
    if slug is not None:
        services = services.filter(slug=slug)
    names = list(services.values_list("slug", "name"))
    shown = dict(names[offset : offset + limit])
    since = interval_start(snapshot_at.astimezone(UTC), HOUR) - (count - 1) * HOUR
    rows = PublicStat.objects.filter(slug__in=shown, starts_at__gte=since).order_by("slug", "starts_at")
    by_slug: dict[str, list[dict[str, Any]]] = {name: [] for name in shown}
    for row in rows.values():
        by_slug[row["slug"]].append(
            row | {"availability_pct": share_pct(total=row["total"], good=row["good"])}
        )
    return len(names), [{"slug": s, "name": name, "hours": by_slug[s]} for s, name in shown.items()]


def nodes() -> Sequence[PublicNode]:
    """Return the modules in the order they are declared, in one statement."""
    return list(PublicNode.objects.order_by("position"))


# From here on: private tables.


def services() -> QuerySet[Service]:
    """Return every service, active or not, with its latch."""
    return Service.objects.select_related("latch").order_by("slug")


def newest_snapshots(services: Collection[int]) -> dict[int, SloSnapshot]:
    """Return the newest snapshot of each service, in one statement."""
    found = (
        SloSnapshot.objects.filter(service__in=services).order_by("service_id", "-at").distinct("service_id")
    )
    return {snapshot.service_id: snapshot for snapshot in found}


def history(service: Service) -> QuerySet[SloSnapshot]:
    """Return a service's snapshots, newest first."""
    return SloSnapshot.objects.filter(service=service).order_by("-at")


def day_of_events(day: date, zone: ZoneInfo) -> QuerySet[CalendarEvent]:
    """Return the events that touch a day by the clocks of a zone, in order."""
    starts_at, ends_at = _bounds(day, zone)
    found = CalendarEvent.objects.filter(starts_at__lt=ends_at, ends_at__gte=starts_at)
    # What ends at midnight is of the day before, unless it takes no time at all.
    return found.exclude(ends_at=starts_at, starts_at__lt=starts_at).order_by("starts_at", "title")


def day_of_notes(day: date, zone: ZoneInfo) -> QuerySet[RecentNote]:
    """Return the notes that last changed on a day by the clocks of a zone, newest first."""
    starts_at, ends_at = _bounds(day, zone)
    found = RecentNote.objects.filter(is_removed=False, changed_at__gte=starts_at, changed_at__lt=ends_at)
    return found.order_by("-changed_at", "slug")


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    midnight = datetime.min.time()
    return datetime.combine(day, midnight, zone), datetime.combine(day + timedelta(days=1), midnight, zone)


def last_reading() -> CalendarFetch | None:
    """Return how the last reading of a calendar went; None before the first."""
    return CalendarFetch.objects.order_by("-at").first()
