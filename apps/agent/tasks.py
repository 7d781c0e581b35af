"""What agent does by itself. Workers call these as agent."""

from dataclasses import asdict
from datetime import timedelta

from django.utils import timezone

from apps.agent import watchdog
from apps.agent.execution import inside
from monolith.jobs import Leadership, singleton, task


@task(
    time_limit_s=300,
    transaction=False,  # each tenant has transactions of its own
    dedupe_key="watch",
    concurrency_key="watch",
    every=timedelta(seconds=60),
)
def watch() -> dict[str, int]:
    """End calls whose attempt says nothing, doubt claims that ran out, close decisions whose time is over."""
    return asdict(watchdog.look(now=timezone.now()))


@task(
    time_limit_s=600,
    transaction=False,
    dedupe_key="prune",
    cron="20 3 * * *",
    jitter=timedelta(minutes=10),
)
def prune() -> int:
    """Remove what ended more than 90 days ago."""
    return watchdog.prune(now=timezone.now())


@singleton(declines=inside.why_not, stop_timeout_s=60)
def execute(leadership: Leadership) -> None:
    """Make calls in a process of the jobs, unless a process of its own is there for it."""
    inside.work(leadership)
