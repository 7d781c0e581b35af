"""The shapes that the tools of scheduler take and give."""

from typing import Annotated, Literal

from pydantic import Field

from monolith.contracts import Schema, UtcDatetime
from monolith.models import Job
from monolith.tools.pages import Page

ModuleName = Annotated[str, Field(max_length=39, pattern=r"^[a-z][a-z0-9_]*$")]
TaskName = Annotated[str, Field(max_length=300, pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")]
JobName = Annotated[str, Field(max_length=60, pattern=r"^[a-z][a-z0-9_]{0,38}/[1-9][0-9]{0,17}$")]
AfterSeconds = Annotated[int, Field(ge=0, le=2_592_000)]


class Everywhere(Page):
    """A list over modules, and those that it could not be about."""

    unreachable: list[str]
    """Modules whose database did not answer."""
    elsewhere: list[str]
    """Modules that run in another process."""


class JobShown(Schema):
    """A job; what it was given is for people."""

    job: str
    """By which it is named elsewhere: module and number."""
    task: str
    status: Job.Status
    attempts: int
    """Begun since it was enqueued or replayed."""
    schedule: str
    """Which schedule fired it; empty when none did."""
    enqueued_at: UtcDatetime
    due_at: UtcDatetime
    started_at: UtcDatetime | None
    """When its last attempt began."""
    finished_at: UtcDatetime | None
    error: str
    """Kind of the last error; its text is in the admin."""


class JobPage(Everywhere):
    """Jobs, newest first."""

    items: list[JobShown]


class AttemptFailed(Schema):
    """How one attempt failed."""

    type: str
    at: str


class FullJob(JobShown):
    """A job, and what can be done with it."""

    has_function: bool
    """Where not, nothing runs it."""
    can_replay: bool
    can_discard: bool
    queue: str
    failures: list[AttemptFailed]
    """The last five, oldest first."""


class StuckShown(Schema):
    """A job that nobody seems to look after."""

    job: str
    task: str
    reason: Literal["lease_over", "not_claimed", "not_promoted", "blocked_by_nobody"]
    since: UtcDatetime


class StuckPage(Everywhere):
    """Stuck jobs, the longest forsaken first."""

    items: list[StuckShown]


class OrphanShown(Schema):
    """What is left of a task that is gone."""

    module: str
    kind: Literal["jobs", "schedule"]
    task: str
    jobs: int
    """How many of them have not ended."""
    since: UtcDatetime | None


class OrphanPage(Everywhere):
    """Orphans by module and task."""

    items: list[OrphanShown]


class DeadLetterShown(Schema):
    """A message that a subscriber could not handle."""

    job: str
    """Which is replayed and discarded like any other."""
    subscriber: str
    type: str
    """Of the message."""
    followers: int
    """How many messages of its key wait behind it."""
    attempts: int
    error: str
    """Kind of the last error."""
    died_at: UtcDatetime


class DeadLetterPage(Everywhere):
    """Dead letters, newest first."""

    items: list[DeadLetterShown]


class ScheduleShown(Schema):
    """When a task is due by itself."""

    module: str
    name: str
    """The task's."""
    timing: str
    next_at: UtcDatetime
    last_at: UtcDatetime | None
    enabled: bool
    has_function: bool


class SchedulePage(Everywhere):
    """Schedules by module and name."""

    items: list[ScheduleShown]


class RunShown(Schema):
    """How one job ended, as its module told."""

    module: str
    task: str
    job: int
    schedule: str
    outcome: str
    attempts: int
    started_at: UtcDatetime
    finished_at: UtcDatetime
    duration_s: float
    """Of its last attempt."""
    error: str


class RunPage(Page):
    """Runs, newest first."""

    items: list[RunShown]


class Steered(Schema):
    """A job after something was done to it."""

    job: str
    task: str
    status: Job.Status
