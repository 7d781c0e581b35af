"""What home does by itself. Workers call these as home.

None of them runs in a transaction: they ask the network, or a store of samples that may be another server.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.home import defaults, events, probing, pruning, rollup
from apps.home.calendar.calendars import default_calendar
from apps.home.samples.stores import sample_store
from monolith.jobs import ONCE, task


@task(
    time_limit_s=50,
    transaction=False,
    retry=ONCE,  # the next round is a minute away, and a late one would not be of its minute
    dedupe_key="probe",
    concurrency_key="probe",
    every=timedelta(seconds=60),
)
def probe() -> dict[str, Any]:
    """Ask every active service once; where there is none at all, make the usual ones first."""
    defaults.ensure_services()
    with sample_store() as store:
        return probing.probe_services(store=store, now=timezone.now()).as_dict() | {"store": store.name}


@task(
    time_limit_s=60,
    transaction=False,
    retry=ONCE,
    dedupe_key="roll_up",
    concurrency_key="roll_up",
    every=timedelta(seconds=120),
)
def roll_up() -> dict[str, Any]:
    """Judge every service by its samples and show what came of it."""
    with sample_store() as store:
        return asdict(rollup.roll_up(store=store, now=timezone.now()))


@task(
    time_limit_s=60,
    transaction=False,
    dedupe_key="refresh_calendar",
    concurrency_key="refresh_calendar",
    every=timedelta(minutes=15),
)
def refresh_calendar() -> dict[str, Any]:
    """Bring the events around today in line with the calendar."""
    return asdict(events.refresh_calendar(calendar=default_calendar(), now=timezone.now()))


@task(
    time_limit_s=300,
    transaction=False,
    dedupe_key="prune",
    every=timedelta(days=1),
    jitter=timedelta(minutes=5),
)
def prune() -> dict[str, int]:
    """Remove samples, snapshots and events that are kept no longer."""
    with sample_store() as store:
        return asdict(pruning.prune(store=store, now=timezone.now()))
