"""Jobs and schedules as people are shown them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

type Reason = Literal["lease_over", "not_claimed", "not_promoted", "blocked_by_nobody"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job, as in a list."""

    module: str
    id: int
    task: str
    status: str
    attempts: int  # begun since it was enqueued or replayed
    priority: int
    schedule: str  # which one fired it; empty when none did
    enqueued_at: datetime
    due_at: datetime
    started_at: datetime | None  # of the last attempt
    finished_at: datetime | None
    error: str  # type of the last one; empty when there was none

    @property
    def reference(self) -> str:
        """Names it among the jobs of all modules: hikes/12."""
        return f"{self.module}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails(JobRow):
    """One job with all that is known of it."""

    has_function: bool  # this process has it; where not, the job waits for one that does
    can_replay: bool  # by steering.replay()
    can_discard: bool
    arguments: Mapping[str, Any]  # {"args": [], "kwargs": {}}
    result: Any
    workers: tuple[str, ...]  # one per attempt
    errors: tuple[
        Mapping[str, str], ...
    ]  # the last five: type, traceback, at, worker; those before a replay too
    tenant: str
    actor: str
    trace: str  # the W3C traceparent of who enqueued it
    queue: str
    heavy: bool
    dedupe_key: str
    concurrency_key: str
    tick: datetime | None
    claimed_until: datetime | None
    leased_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCount:
    """How many jobs of one task are in each status."""

    module: str
    task: str
    statuses: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckJob:
    """A job that nobody seems to look after."""

    job: JobRow
    reason: Reason
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """Jobs that have not ended, or a schedule, whose function this process does not have."""

    module: str
    kind: Literal["jobs", "schedule"]
    task: str
    jobs: int  # how many; 0 for a schedule
    since: datetime | None  # when the first of the jobs was enqueued, or the last tick


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """When a task is due by itself."""

    module: str
    name: str  # the task's
    timing: str  # in words
    next_at: datetime
    last_at: datetime | None
    enabled: bool
    has_function: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """Who leads a singleton."""

    module: str
    name: str
    deployment: str
    holder: str
    is_held: bool  # the lease has not expired, by the database's clock
    expires_at: datetime
    enabled: bool
    fence: int
