"""The roll-up: raw samples become one snapshot per service, and what the public sees. Runs as home."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.home import announcing, latches, snapshots
from apps.home.models import Service, SloSnapshot
from apps.home.samples.port import Bucket, Latencies, SampleStore, Totals
from apps.home.slo import Objective, Verdict, judge
from monolith import atomic

HOUR: Final = timedelta(hours=1)
STAT_HOURS: Final = 48  # shown to everyone, the current one among them


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUpReport:
    """What a roll-up did."""

    services: int
    breached: tuple[str, ...] = ()  # slugs of those that crossed
    recovered: tuple[str, ...] = ()
    superseded: bool = False  # a newer one was there already; nothing was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the store counted."""

    totals: Mapping[int, Totals]
    buckets: Sequence[Bucket]


def roll_up(*, store: SampleStore, now: datetime) -> RollUpReport:
    """Count the samples up to `now`, judge every active service, and show what came of it.

    The store first, with no transaction open; then one short write, all of it or nothing. Raises SampleStoreError.
    """
    services = list(Service.objects.filter(active=True).order_by("pk"))
    measured = measure(store, services, now=now)
    with atomic():
        # The rows first: whoever holds them rolls up alone, and one deleted meanwhile is noticed.
        kept = set(Service.objects.select_for_update().order_by("pk").values_list("pk", flat=True))
        if SloSnapshot.objects.filter(at__gte=now).exists():
            return RollUpReport(services=0, superseded=True)
        services = [service for service in services if service.pk in kept]
        verdicts = [(service, _verdict(service, measured)) for service in services]
        SloSnapshot.objects.bulk_create(
            [_snapshot(service, verdict, measured, now) for service, verdict in verdicts]
        )
        crossings = latches.cross(verdicts, now=now)
        snapshots.publish(verdicts, measured.totals, measured.buckets, now=now)
        announcing.tell(crossings, now=now)
    return RollUpReport(
        services=len(services),
        breached=tuple(crossing.service.slug for crossing in crossings if crossing.breached),
        recovered=tuple(crossing.service.slug for crossing in crossings if not crossing.breached),
    )


def measure(store: SampleStore, services: Sequence[Service], *, now: datetime) -> Measured:
    """Count what the store has of each service: its whole window, and by hour what is shown to everyone."""
    by_window: dict[int, list[int]] = defaultdict(list)
    for service in services:
        by_window[service.window_minutes].append(service.pk)
    totals: dict[int, Totals] = {}
    for minutes, members in by_window.items():
        totals |= store.totals(members, after=now - timedelta(minutes=minutes), until=now)
    since = now - (STAT_HOURS - 1) * HOUR
    members = [service.pk for service in services]
    buckets = store.buckets(members, since=since, until=now, interval=HOUR) if members else []
    return Measured(totals=totals, buckets=buckets)


def _verdict(service: Service, measured: Measured) -> Verdict:
    found = measured.totals.get(service.pk)
    total, good = (found.total, found.good) if found else (0, 0)
    return judge(objective_of(service), total=total, good=good)


def objective_of(service: Service) -> Objective:
    """Return what is expected of a service."""
    return Objective(target_pct=service.target_pct, window=timedelta(minutes=service.window_minutes))


def _snapshot(service: Service, verdict: Verdict, measured: Measured, now: datetime) -> SloSnapshot:
    found = measured.totals.get(service.pk)
    latencies = found.latencies if found else Latencies()
    return SloSnapshot(
        service=service,
        at=now,
        status=verdict.status,
        total=verdict.total,
        good=verdict.good,
        availability_pct=verdict.availability_pct,
        target_pct=service.target_pct,
        window_minutes=service.window_minutes,
        budget_minutes=verdict.budget_minutes,
        left_minutes=verdict.left_minutes,
        latency_p50_ms=latencies.p50_ms,
        latency_p95_ms=latencies.p95_ms,
        latency_p99_ms=latencies.p99_ms,
        probed_at=found.newest_at if found else None,
    )
