"""What hikes does by itself. Workers call these as hikes."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from apps.hikes import refresh as refreshing
from apps.hikes.errors import ForecastError
from apps.hikes.forecast.providers import default_provider, provider_named
from monolith.jobs import Retry, task

REFRESH_LIMIT_S: Final = 600
REFRESH_BUDGET_S: Final = 540.0  # no further walk is asked for; the last question may take the rest


@task(
    time_limit_s=REFRESH_LIMIT_S,
    transaction=False,  # it asks stars and the network
    # A provider that is down is asked three times in about a quarter of an hour, then at the next tick.
    retry=Retry(attempts=3, first_s=300, max_s=900),
    dedupe_key="refresh:{force}",
    concurrency_key="refresh",
    every=timedelta(hours=6),
    jitter=timedelta(minutes=10),  # MET Norway asks its users not to come all at once
)
def refresh(*, force: bool = False) -> dict[str, Any]:
    """Fetch the forecasts that have expired; what the time does not suffice for waits for the next tick.

    Raises ForecastError when every question failed; all windows stay then.
    """
    with provider_named(default_provider()) as provider:
        report = refreshing.refresh_windows(
            provider=provider, now=timezone.now(), force=force, budget_s=REFRESH_BUDGET_S
        )
    if report.all_failed:
        raise ForecastError(f"Every question failed; the first: {next(iter(report.problems.values()))}")
    return {
        "provider": provider.name,
        "outcomes": dict(report.outcomes),
        "windows": report.windows,
        "problems": report.problems,
    }


@task(time_limit_s=60, dedupe_key="prune", every=timedelta(hours=1), jitter=timedelta(minutes=5))
def prune() -> dict[str, int]:
    """Remove windows that are over and old records of questions."""
    return asdict(refreshing.prune_windows(now=timezone.now()))
