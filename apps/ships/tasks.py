"""What ships does by itself. Workers call these as ships."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.ships import feeds, permission, services
from monolith.jobs import Leadership, Retry, singleton, task


@task(
    time_limit_s=600,
    transaction=False,  # each day is banked and dropped in a transaction of its own, and readers pass in between
    retry=Retry(first_s=60),
    concurrency_key="rotate_partitions",
    cron="10 0 * * *",  # partitions are UTC days
    jitter=timedelta(minutes=5),
)
def rotate_partitions() -> dict[str, Any]:
    """Make today's and tomorrow's partition; bank and drop the days that are no longer kept."""
    rotation = services.rotate_partitions(now=timezone.now())
    return {
        "made": rotation.made,
        "dropped": {day.isoformat(): cells for day, cells in rotation.dropped.items()},
        "postponed": [day.isoformat() for day in rotation.postponed],
    }


@task(time_limit_s=60, dedupe_key="roll_up_heat", every=timedelta(hours=1), jitter=timedelta(minutes=5))
def roll_up_heat() -> int:
    """Bring live heat up to date; returns how many cells are new or changed."""
    return services.roll_up_heat(now=timezone.now())


@singleton(declines=feeds.why_not)
def ingest(leadership: Leadership) -> None:
    """Follow the feed that SHIPS_FEED names, for as long as the gate allows it."""

    def before_batch() -> None:
        leadership.require()
        permission.require_permission(subject="singleton:ingest", resource=permission.FROM_FEED)

    feed = feeds.configured()
    before_batch()
    while not leadership.stopping.is_set():
        services.ingest_feed(feed=feed, stopping=leadership.stopping, before_batch=before_batch)
