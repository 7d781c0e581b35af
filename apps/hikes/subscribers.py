"""What hikes does when it is told something."""

from apps.hikes import tasks
from contracts.hikes import WalkPublished
from monolith.events import subscriber


@subscriber
def fetch_forecast(event: WalkPublished) -> None:
    """Fetch the forecast of a walk that was just published, not only when the next refresh is due.

    The job asks for what has expired: a walk without windows alone, mostly. Of many walks it is one job.
    """
    tasks.refresh.enqueue()
