"""The shapes that the tools of agent take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from apps.agent.models import DecisionStatus, RoutineStatus
from contracts.agent import CallRequest
from monolith.contracts import Schema, UtcDatetime
from monolith.tools.pages import Page

_LINE = r"^[^\x00-\x1f\x7f]+$"
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=_LINE)]
Worker = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
LockName = Annotated[str, Field(min_length=1, max_length=180, pattern=r"^[A-Za-z0-9._:/-]+$")]
Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
Ttl = Annotated[int, Field(ge=1, le=86_400)]
Life = Annotated[int, Field(ge=60, le=31_536_000)]
Question = Annotated[str, Field(min_length=1, max_length=500, pattern=_LINE)]
Option = Annotated[str, Field(min_length=1, max_length=100, pattern=_LINE)]
Options = Annotated[list[Option], Field(min_length=2, max_length=20)]

_Key = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
_Text = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]

type Json = bool | float | _Text | list[Json] | dict[_Key, Json] | None
"""Any JSON value whose texts PostgreSQL can store."""
Object = Annotated[dict[_Key, Json], Field(max_length=100)]


class Call(Schema):
    """A call to an outside service."""

    id: UUID
    name: str
    status: str
    """Submitted, Scheduled, Running, and in the end Succeeded or Failed."""
    due_at: UtcDatetime
    idempotency_key: str
    """Of calls that tokens submitted an id that stands for the token and its key."""
    request: CallRequest
    outcome: Object | None
    """How it ended, redacted and cut."""
    created_at: UtcDatetime
    ended_at: UtcDatetime | None


class CallPage(Page):
    """Calls, latest due first."""

    items: list[Call]


class SubmittedCall(Schema):
    """A call that was taken."""

    id: UUID
    is_new: bool
    """False: the key stood for it before."""


class LockLine(Schema):
    """A lock in a list."""

    name: str
    holder: str
    acquired_at: UtcDatetime
    expires_at: UtcDatetime


class HeldLock(LockLine):
    """A lock as its holder gets it."""

    id: UUID
    """The proof of holding it: extend and release take it. Whoever takes the lock over gets another."""


class LockPage(Page):
    """Locks by name, those whose time is over included until somebody takes them."""

    items: list[LockLine]


class Released(Schema):
    """What became of a lock."""

    name: str
    released: bool
    """False: it was not held by that id."""


class Routine(Schema):
    """A routine job."""

    id: UUID
    name: str
    payload: Object
    status: RoutineStatus
    """Unknown: its claimant fell silent, and a person says what became of it."""
    claimed_by: str
    claim_expires_at: UtcDatetime | None
    result: Object | None
    created_at: UtcDatetime
    ended_at: UtcDatetime | None


class RoutinePage(Page):
    """Routine jobs, newest first."""

    items: list[Routine]


class ClaimedRoutine(Routine):
    """A routine job as its claimant gets it."""

    claim_id: UUID | None
    """The proof of the claim: heartbeats and the report take it."""


class Claim(Schema):
    """What there was to claim."""

    job: ClaimedRoutine | None
    """None: nothing is ready."""


class DecisionShown(Schema):
    """A question to people."""

    id: UUID
    question: str
    options: list[str]
    status: DecisionStatus
    choice: str
    """Empty until it is decided."""
    decided_by: str
    decided_at: UtcDatetime | None
    created_at: UtcDatetime
    expires_at: UtcDatetime


class DecisionPage(Page):
    """Questions, newest first."""

    items: list[DecisionShown]
