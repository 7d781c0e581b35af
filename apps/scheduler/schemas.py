"""The shapes that the routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, JsonValue

from apps.scheduler.models import Verb
from monolith.contracts import UtcDatetime
from monolith.http.answers import Answer
from monolith.http.maybe import Maybe
from monolith.jobs.messages import Outcome
from monolith.models import Job

MAX_LIMIT: Final = 100

ModuleName = Annotated[str, Field(max_length=39, pattern=r"^[a-z][a-z0-9_]*$")]
TaskName = Annotated[str, Field(max_length=300, pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]


class Everywhere(Answer):
    """Which modules an answer is about, and which it could not be about."""

    unreachable: dict[str, str] = Field(
        description="Modules whose database did not answer, and what it said."
    )
    elsewhere: dict[str, str] = Field(
        description="Modules that run in another process, which shows them, with its address where it is known."
    )


class ModuleFilter(Schema):
    """Of which module; of all of them when left out."""

    module: Maybe[ModuleName] = None


class JobFilter(ModuleFilter):
    """Which jobs to list; every condition narrows the list."""

    status: Maybe[Job.Status] = None
    task: Maybe[TaskName] = Field(default=None, description="Its dotted name: `apps.stars.tasks.refresh`.")
    since: Maybe[UtcDatetime] = Field(default=None, description="Enqueued then or later.")
    before: Maybe[Id] = Field(
        default=None, description="Older than this job: the last one of the page before."
    )
    limit: Limit = 50


class StuckFilter(ModuleFilter):
    """Which stuck jobs to list."""

    after_s: int = Field(
        default=300, ge=0, le=2_592_000, description="Due for so long and not started, in seconds."
    )
    limit: Limit = 50


class DeadLetterFilter(ModuleFilter):
    """Which dead letters to list."""

    subscriber: Maybe[TaskName] = Field(default=None, description="Its dotted name.")
    type: Maybe[TaskName] = Field(default=None, description="Of the message: `knowledge.NoteChanged`.")
    limit: Limit = 50


class Paging(Schema):
    """Which part of a list."""

    limit: Limit = 20
    offset: int = Field(default=0, ge=0, le=10_000, description="Leave out so many items.")


class JobOut(Answer):
    """One job."""

    module: str
    id: int
    task: str
    status: Job.Status
    attempts: int = Field(description="Begun since it was enqueued or replayed.")
    priority: int
    schedule: str = Field(description="Which schedule fired it; empty when none did.")
    enqueued_at: datetime
    due_at: datetime
    started_at: datetime | None = Field(description="When its last attempt began.")
    finished_at: datetime | None
    error: str = Field(description="Type of the last error; empty when there was none.")


class JobList(Everywhere):
    """Jobs, newest first."""

    items: list[JobOut]


class ErrorOut(Answer):
    """How one attempt failed."""

    type: str
    traceback: str
    at: str
    worker: str


class JobDetailsOut(JobOut):
    """One job with all that is known of it."""

    has_function: bool = Field(description="This process has it; where not, nothing runs the job.")
    arguments: dict[str, Any]
    result: Any
    workers: list[str] = Field(description="One for each attempt.")
    errors: list[ErrorOut] = Field(description="The last five, oldest first; those before a replay too.")
    tenant: str
    actor: str
    trace: str = Field(description="The W3C traceparent of who enqueued it.")
    queue: str
    heavy: bool
    dedupe_key: str
    concurrency_key: str
    tick: datetime | None
    claimed_until: datetime | None
    leased_until: datetime | None


class NewRun(Schema):
    """A job to be enqueued now."""

    model_config = ConfigDict(extra="forbid")

    task: TaskName
    module: ModuleName | None = Field(
        default=None, description="Whose job it is, for a task that every module has."
    )
    args: list[JsonValue] = Field(default_factory=list, max_length=20)
    kwargs: dict[str, JsonValue] = Field(default_factory=dict, max_length=50)


class CountOut(Answer):
    """How many jobs a task has."""

    module: str
    task: str
    statuses: dict[str, int]


class CountList(Everywhere):
    """Counts by module and task."""

    items: list[CountOut]


class StuckOut(Answer):
    """A job that nobody seems to look after."""

    job: JobOut
    reason: Literal["lease_over", "not_claimed", "not_promoted", "blocked_by_nobody"]
    since: datetime


class StuckList(Everywhere):
    """Stuck jobs by module, the longest forsaken first."""

    items: list[StuckOut]


class DeadLetterOut(Answer):
    """A message that could not be handled."""

    module: str
    id: int = Field(description="Of its job, which is replayed and discarded like any other.")
    subscriber: str = Field(description="Empty where there was none for it.")
    type: str = Field(description="Empty where the message could not be read.")
    message: str
    key: str = Field(description="With its tenant before it.")
    parks: bool = Field(description="Later messages of its key wait.")
    followers: int = Field(description="So many.")
    attempts: int
    error: str
    died_at: datetime


class DeadLetterList(Everywhere):
    """Dead letters by module, the newest first."""

    items: list[DeadLetterOut]


class RunFilter(Paging):
    """Which runs to list."""

    module: Maybe[ModuleName] = None
    task: Maybe[TaskName] = Field(default=None, description="Its dotted name: `apps.stars.tasks.refresh`.")
    outcome: Maybe[Outcome] = None


class RunOut(Answer):
    """How one job ended, as its module told."""

    module: str
    task: str
    job: int = Field(description="Its id in its module, which may have forgotten it.")
    schedule: str = Field(description="Which schedule fired it; empty when none did.")
    outcome: str
    attempts: int
    enqueued_at: datetime
    started_at: datetime = Field(description="When its last attempt began.")
    finished_at: datetime
    duration_s: float = Field(description="Of its last attempt.")
    age_s: float = Field(description="How long ago it ended.")
    error: str


class RunPage(Answer):
    """One page of runs, newest first."""

    total: int
    limit: int
    offset: int
    items: list[RunOut]


class LastRunList(Answer):
    """The last run of each task, by module and task."""

    items: list[RunOut]


class OrphanOut(Answer):
    """What is left of a task that is gone."""

    module: str
    kind: Literal["jobs", "schedule"]
    task: str
    jobs: int = Field(description="How many of them have not ended.")
    since: datetime | None


class OrphanList(Everywhere):
    """Orphans; `manage.py jobs orphans --remove` removes them."""

    items: list[OrphanOut]


class ScheduleOut(Answer):
    """When a task is due by itself."""

    module: str
    name: str
    timing: str
    next_at: datetime
    last_at: datetime | None
    enabled: bool
    has_function: bool


class ScheduleList(Everywhere):
    """Schedules by module and name."""

    items: list[ScheduleOut]


class LeaseOut(Answer):
    """Who leads a singleton."""

    module: str
    name: str
    deployment: str
    holder: str
    is_held: bool
    expires_at: datetime
    enabled: bool
    fence: int


class LeaseList(Everywhere):
    """Leases by module and name."""

    items: list[LeaseOut]


class ActionOut(Answer):
    """One thing that was done by hand."""

    id: int
    at: datetime
    by: str
    verb: Verb
    module: str
    task: str
    job: int | None
    outcome: str = Field(description="`done`, or why not; empty when nobody knows.")


class ActionPage(Answer):
    """One page of what was done by hand, newest first."""

    total: int
    limit: int
    offset: int
    items: list[ActionOut]
