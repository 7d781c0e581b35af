"""What other modules tell: that their jobs ended. The only way in which those get into a table of scheduler."""

from apps.scheduler import services
from monolith.events import subscriber
from monolith.jobs import JobFinished


@subscriber(parks=False)  # an end that cannot be noted is no reason to miss the next one
def note_end(event: JobFinished) -> None:
    """Keep how a job ended."""
    services.note_end(event)
