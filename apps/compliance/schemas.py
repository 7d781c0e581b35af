"""The shapes that the routes take and give."""

from collections.abc import Callable
from datetime import datetime
from types import NoneType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema

from apps.compliance import patterns
from apps.compliance.models import Event
from contracts.compliance import Name, Outcome
from monolith.contracts import UtcDatetime
from monolith.http.answers import Answer

T = TypeVar("T")

MAX_LIMIT: Final = 100
MAX_OFFSET: Final = 10_000  # a list that long is narrowed, not paged through


class Absent:
    """Makes an optional value one that may be left out, but not null: a query cannot say null."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (given,) = (part for part in get_args(source) if part is not NoneType)
        return handler.generate_schema(given)


Maybe: TypeAlias = Annotated[T | None, Absent]  # noqa: UP040 - a `type` would get a schema of its own


def _checked(problem_of: Callable[[str], str | None], pattern: str) -> tuple[Any, AfterValidator]:
    """Return what checks a text and says what is wrong in words, and what shows its pattern in the description."""

    def check(value: str) -> str:
        if problem := problem_of(value):
            raise ValueError(f"{value!r} {problem}")
        return value

    described = Field(max_length=patterns.MAX_LENGTH, json_schema_extra={"pattern": pattern, "minLength": 1})
    return described, AfterValidator(check)


Tenant = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=patterns.MAX_LENGTH)]
Pattern = Annotated[str, *_checked(patterns.pattern_problem, patterns.PATTERN)]
Subject = Annotated[str, *_checked(patterns.subject_problem, patterns.SUBJECT)]
Right = Annotated[str, *_checked(patterns.right_problem, patterns.RIGHT)]
Reason = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=500)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Paging(Schema):
    """Which part of a list."""

    limit: int = Field(default=20, ge=1, le=MAX_LIMIT, description="At most so many items.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many items.")


class RuleFilter(Paging):
    """Which rules to list."""

    applies: Maybe[bool] = Field(default=None, description="Only those that apply, or only those that ended.")


class GrantFilter(Paging):
    """Which grants to list; every condition narrows the list."""

    tenant: Maybe[Tenant] = None
    subject: Maybe[Subject] = Field(default=None, description="As it stands in the grant.")
    right: Maybe[Right] = None
    holds: Maybe[bool] = Field(
        default=None, description="Only those that hold now, or only those that ended."
    )


class AuditFilter(Paging):
    """Which entries to list; every condition narrows the list."""

    tenant: Maybe[Tenant] = None
    event: Maybe[Event] = None
    subject: Maybe[Subject] = Field(default=None, description="Who was asked about, or whose grant changed.")


class Ask(Schema):
    """Whether someone may do something."""

    subject: Name = Field(description="`user:7`, `command:ingest_nmea`.")
    action: Name = Field(description="`ships.ingest`.")
    resource: Name = Field(description="`source:post`.")
    tenant: Tenant = ""


class NewRule(Schema):
    """What an action needs."""

    model_config = ConfigDict(extra="forbid")

    action: Pattern = Field(description="`ships.ingest`, `knowledge.*` or `*`.")
    resource: Pattern = Field(default=patterns.ANYTHING, description="`source:*`, or `*` for all.")
    right: Right
    notice_days: int = Field(
        default=7, ge=0, le=3650, description="Said to be expiring when the right ends within so many days."
    )
    reason: Reason = ""


class RuleOut(Answer):
    """A rule; it applies until it was ended."""

    id: int
    action: str
    resource: str
    right: str
    notice_days: int
    reason: str
    created_at: datetime
    ended_at: datetime | None


class RulePage(Answer):
    """One page of rules."""

    total: int = Field(description="How many fit, on all pages.")
    limit: int
    offset: int
    items: list[RuleOut]


class NewGrant(Schema):
    """A right for a subject."""

    model_config = ConfigDict(extra="forbid")

    tenant: Tenant = ""
    subject: Subject = Field(description="`user:7`, `command:ingest_nmea` or `user:*`.")
    right: Right
    resource: Pattern = Field(default=patterns.ANYTHING, description="`source:*`, or `*` for all.")
    ends_at: UtcDatetime | None = Field(
        default=None, description="Holds until then; null: until it is ended."
    )
    reason: Reason = ""


class GrantOut(Answer):
    """A grant; it holds until it ends."""

    id: int
    tenant: str
    subject: str
    right: str
    resource: str
    ends_at: datetime | None
    reason: str
    created_at: datetime


class GrantPage(Answer):
    """One page of grants."""

    total: int = Field(description="How many fit, on all pages.")
    limit: int
    offset: int
    items: list[GrantOut]


class Verdict(Answer):
    """What the gate would say now."""

    outcome: Outcome
    missing: list[str] = Field(description="What is lacking; empty unless denied.")
    ends_at: datetime | None = Field(description="When the first grant that allows it ends.")


class EntryOut(Answer):
    """An audit entry."""

    tenant: str
    position: int = Field(description="In its tenant's chain, from 1.")
    at: datetime
    event: str
    by: str = Field(description="Who asked or changed it; empty where that is not known.")
    details: dict[str, Any]
    previous: str = Field(description="The hash of the entry before.")
    hash: str


class EntryPage(Answer):
    """One page of audit entries, newest first."""

    total: int = Field(description="How many fit, on all pages.")
    limit: int
    offset: int
    items: list[EntryOut]
