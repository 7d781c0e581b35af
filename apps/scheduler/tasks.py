"""What scheduler does by itself. Workers call these as scheduler."""

from datetime import timedelta

from apps.scheduler import services
from monolith.jobs import task


@task(time_limit_s=60, dedupe_key="forget_runs", every=timedelta(hours=1), jitter=timedelta(minutes=5))
def forget_runs() -> int:
    """Delete runs that are kept no longer; returns how many."""
    return services.forget_runs()
