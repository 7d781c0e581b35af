"""What everyone sees, written as a whole: status, hours and topology, each with the time it was written.

Its readers have no other table, so what is not written here cannot leak.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db.models import Model

from apps.home import topology
from apps.home.models import PublicNode, PublicSnapshot, PublicStat, PublicStatus, Service
from apps.home.samples.port import Bucket, Latencies, Totals
from apps.home.slo import Verdict

STALE_AFTER: Final = timedelta(minutes=5)  # two roll-ups were missed, or four rounds of probes


class Kind(StrEnum):
    """What there are snapshots of."""

    STATUS = "status"
    STATS = "stats"
    TOPOLOGY = "topology"


def publish(
    verdicts: Sequence[tuple[Service, Verdict]],
    totals: Mapping[int, Totals],
    buckets: Sequence[Bucket],
    *,
    now: datetime,
) -> None:
    """Replace what everyone sees. Runs in the caller's transaction."""
    before = {row.slug: row for row in PublicStatus.objects.all()}
    statuses = [
        _status(service, verdict, totals.get(service.pk), before.get(service.slug), now)
        for service, verdict in verdicts
    ]
    slugs = {service.pk: service.slug for service, _ in verdicts}
    nodes = topology.nodes(statuses)
    _replace(PublicStatus, statuses, ("slug",))
    _replace(
        PublicStat, [_stat(slugs[b.service], b) for b in buckets if b.service in slugs], ("slug", "starts_at")
    )
    _replace(PublicNode, nodes, ("name",))
    shown = {Kind.STATUS: len(statuses), Kind.STATS: len(buckets), Kind.TOPOLOGY: len(nodes)}
    PublicSnapshot.objects.bulk_create(
        [PublicSnapshot(kind=kind, at=now, rows=rows) for kind, rows in shown.items()],
        update_conflicts=True,
        unique_fields=["kind"],
        update_fields=["at", "rows"],
    )


def is_stale(at: datetime | None, *, now: datetime) -> bool:
    """Say whether something of that moment is too old to stand for now."""
    return at is None or now - at > STALE_AFTER


def _status(
    service: Service, verdict: Verdict, found: Totals | None, before: PublicStatus | None, now: datetime
) -> PublicStatus:
    latencies = found.latencies if found else Latencies()
    unchanged = before is not None and before.status == verdict.status
    return PublicStatus(
        slug=service.slug,
        name=service.name,
        module=service.module,
        status=verdict.status,
        status_since=before.status_since if before and unchanged else now,
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


def _stat(slug: str, bucket: Bucket) -> PublicStat:
    return PublicStat(
        slug=slug,
        starts_at=bucket.starts_at,
        total=bucket.total,
        good=bucket.good,
        latency_p50_ms=bucket.latencies.p50_ms,
        latency_p95_ms=bucket.latencies.p95_ms,
        latency_p99_ms=bucket.latencies.p99_ms,
    )


def _replace[M: Model](model: type[M], rows: Sequence[M], key: tuple[str, ...]) -> None:
    """Make a table hold these rows and no other; rows that say the same already are left alone."""
    fields = [field.attname for field in model._meta.concrete_fields if field.attname != "id"]
    known = {_key(row, key): row for row in model._default_manager.all()}
    wanted = {_key(row, key): row for row in rows}
    if gone := [row.pk for found, row in known.items() if found not in wanted]:
        model._default_manager.filter(pk__in=gone).delete()
    changed = [
        row for found, row in wanted.items() if found not in known or not _same(row, known[found], fields)
    ]
    model._default_manager.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=key,
        update_fields=[field for field in fields if field not in key],
    )


def _key(row: Model, names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)


def _same(one: Model, other: Model, fields: Iterable[str]) -> bool:
    return all(getattr(one, field) == getattr(other, field) for field in fields)
