"""What the framework tells about jobs. Every module publishes it as itself; no contract declares it."""

from typing import Final

from monolith.contracts.messages import Event
from monolith.contracts.schema import OpenEnum, UtcDatetime

MAX_ERROR: Final = 200


class Outcome(OpenEnum):
    """How a job ended."""

    SUCCEEDED = "succeeded"
    DEAD = "dead"


class JobFinished(Event, key="task"):
    """A job of a task that has a schedule or says `announce=True` ended, or any job is a dead letter."""

    task: str
    """Its dotted name."""
    module: str
    job: int
    """Its id in its module."""
    schedule: str
    """Which schedule fired it; empty when it was enqueued otherwise."""
    outcome: Outcome
    attempts: int
    enqueued_at: UtcDatetime
    started_at: UtcDatetime
    """When its last attempt began."""
    finished_at: UtcDatetime
    error: str = ""
    """Type of the last error; empty when there was none."""
