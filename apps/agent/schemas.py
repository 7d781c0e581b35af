"""The shapes that the routes take and give."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from django.utils import timezone
from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from apps.agent.models import DecisionStatus, RoutineStatus, Status
from contracts.agent import Body, CallName, CallRequest, Headers, IdempotencyKey, Method, Url
from monolith.contracts import UtcDatetime
from monolith.http.answers import Answer
from monolith.http.maybe import Maybe

MAX_OFFSET: Final = 10_000
MAX_AHEAD: Final = timedelta(days=366)
_LINE: Final = r"^[^\x00-\x1f\x7f]+$"


def _within_a_year(moment: datetime) -> datetime:
    if moment > timezone.now() + MAX_AHEAD:
        raise ValueError(f"is more than {MAX_AHEAD.days} days ahead")
    return moment


def _ahead(moment: datetime) -> datetime:
    if moment <= timezone.now():
        raise ValueError("is over")
    return _within_a_year(moment)


Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", max_length=100)]
Line = Annotated[str, StringConstraints(pattern=_LINE, min_length=1, max_length=120)]
Holder = Annotated[str, StringConstraints(pattern=_LINE, min_length=1, max_length=200)]
LockName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]+$", min_length=1, max_length=180)]
Option = Annotated[str, StringConstraints(pattern=_LINE, min_length=1, max_length=100)]
DueAt = Annotated[UtcDatetime, AfterValidator(_within_a_year)]
ExpiresAt = Annotated[UtcDatetime, AfterValidator(_ahead)]
Ttl = Annotated[int, Field(ge=1, le=86_400, description="Seconds.")]


class Paging(Schema):
    """Which part of a list."""

    limit: int = Field(default=20, ge=1, le=100, description="At most so many items.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many items.")


class TenantOut(Schema):
    """A tenant with rows here."""

    tenant: str


class CallFilter(Paging):
    """Which calls to list."""

    status: Maybe[Status] = None
    name: Maybe[CallName] = Field(default=None, description="The whole name.")


class RoutineFilter(Paging):
    """Which routine jobs to list."""

    status: Maybe[RoutineStatus] = None


class DecisionFilter(Paging):
    """Which decisions to list."""

    status: Maybe[DecisionStatus] = None


class NewRequest(Schema):
    """What is sent to the outside service; credentials are not, because a request is stored as it is."""

    model_config = ConfigDict(extra="forbid")

    method: Method = Method.GET
    url: Url
    headers: Headers = Field(default_factory=dict)
    body: Body = ""

    def as_promised(self) -> CallRequest:
        """Return it as the contract has it."""
        return CallRequest(**self.model_dump())


class NewCall(Schema):
    """A call to an outside service."""

    model_config = ConfigDict(extra="forbid")

    name: CallName
    idempotency_key: IdempotencyKey = Field(description="The same key and request again is the same call.")
    request: NewRequest
    due_at: DueAt = Field(description="When to make it; at once if that is over.")


class NewTime(Schema):
    """Another due time."""

    model_config = ConfigDict(extra="forbid")

    due_at: DueAt


class CallOut(Answer):
    """A call as its tenant sees it; Submitted until it is scheduled."""

    id: UUID
    name: str
    status: str
    due_at: datetime
    idempotency_key: str
    request: dict[str, Any]
    outcome: dict[str, Any] | None
    created_at: datetime
    ended_at: datetime | None


class Taken(Answer):
    """What was taken, and where to see how it goes."""

    id: UUID
    is_new: bool
    href: str


class CallPage(Answer):
    """Calls, latest due first."""

    total: int
    limit: int
    offset: int
    items: list[CallOut]


class NewLock(Schema):
    """Who takes a lock, for how long."""

    model_config = ConfigDict(extra="forbid")

    holder: Holder
    ttl_s: Ttl


class LockExtension(Schema):
    """Whose lock to hold for longer."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    ttl_s: Ttl


class LockRelease(Schema):
    """Whose lock to let go."""

    model_config = ConfigDict(extra="forbid")

    id: UUID


class LockOut(Answer):
    """A lock; its id is for its holder alone, and not shown in lists."""

    name: str
    holder: str
    acquired_at: datetime
    expires_at: datetime


class HeldLock(LockOut):
    """A lock as its holder gets it."""

    id: UUID


class LockPage(Answer):
    """Locks by name."""

    total: int
    limit: int
    offset: int
    items: list[LockOut]


class NewRoutine(Schema):
    """Work for an outside agent."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    payload: dict[str, Any] = Field(default_factory=dict, max_length=100)


class Claim(Schema):
    """Who takes work, of which name if one is given, and for how long without a sign of life."""

    model_config = ConfigDict(extra="forbid")

    holder: Holder
    ttl_s: Ttl
    name: Maybe[Line] = None


class Heartbeat(Schema):
    """A sign of life."""

    model_config = ConfigDict(extra="forbid")

    claim_id: UUID
    ttl_s: Ttl


class Completion(Schema):
    """How work went."""

    model_config = ConfigDict(extra="forbid")

    claim_id: UUID
    succeeded: bool
    result: dict[str, Any] = Field(default_factory=dict, max_length=100)


class Resolution(Schema):
    """What a person found out about work in doubt; Ready puts it up again."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[str, Field(pattern="^(Ready|Succeeded|Failed)$")]
    result: dict[str, Any] = Field(default_factory=dict, max_length=100)


class RoutineOut(Answer):
    """A routine job."""

    id: UUID
    name: str
    payload: dict[str, Any]
    status: str
    claimed_by: str
    claim_expires_at: datetime | None
    result: dict[str, Any] | None
    resolved_by: str
    created_at: datetime
    ended_at: datetime | None


class ClaimedRoutine(RoutineOut):
    """A routine job as its claimant gets it."""

    claim_id: UUID


class RoutinePage(Answer):
    """Routine jobs, newest first."""

    total: int
    limit: int
    offset: int
    items: list[RoutineOut]


class NewDecision(Schema):
    """A question with the answers to choose from."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, StringConstraints(pattern=_LINE, min_length=1, max_length=500)]
    options: Annotated[list[Option], Field(min_length=2, max_length=20)]
    expires_at: ExpiresAt


class Choice(Schema):
    """An answer."""

    model_config = ConfigDict(extra="forbid")

    choice: Option


class DecisionOut(Answer):
    """A decision."""

    id: UUID
    question: str
    options: list[str]
    status: str
    choice: str
    decided_by: str
    decided_at: datetime | None
    created_at: datetime
    expires_at: datetime


class DecisionPage(Answer):
    """Decisions, newest first."""

    total: int
    limit: int
    offset: int
    items: list[DecisionOut]
