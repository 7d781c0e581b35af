"""What home promises other modules, kept."""

from django.utils import timezone

from apps.home import queries
from apps.home.snapshots import Kind
from contracts.home import ServiceStatus, Slugs, Status


def service_status(*, services: Slugs | None = None) -> list[ServiceStatus]:
    """Return the services asked for that are measured, or all of them, by slug."""
    now = timezone.now()
    snapshot = queries.freshness(Kind.STATUS, now=now)
    if snapshot.at is None:
        return []
    return [
        ServiceStatus(
            slug=row["slug"],
            name=row["name"],
            status=Status(row["status"]),
            availability_pct=None if row["availability_pct"] is None else float(row["availability_pct"]),
            target_pct=float(row["target_pct"]),
            budget_left_minutes=float(row["left_minutes"]),
            probed_at=row["probed_at"],
            snapshot_at=snapshot.at,
            stale=snapshot.stale or row["stale"],
        )
        for row in queries.statuses(now=now, slugs=services)
    ]
