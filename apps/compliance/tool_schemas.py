"""The shapes that the tools of compliance take and give."""

from typing import Annotated

from pydantic import Field

from apps.compliance.models import Event
from contracts.compliance import Outcome
from monolith.contracts import Schema, UtcDatetime
from monolith.tools.pages import Page

Pattern = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Right = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")]


class Verdict(Schema):
    """What the gate would say now."""

    whose: str
    outcome: Outcome
    missing: list[str]
    """What is lacking, each in words that tell a person what to do; empty unless denied."""
    ends_at: UtcDatetime | None
    """When the first grant that allows it ends."""


class RuleShown(Schema):
    """What an action needs; all rules that match must be met, and without one nobody may."""

    id: int
    action: str
    resource: str
    right: str
    notice_days: int
    reason: str
    ended_at: UtcDatetime | None
    """Since when it no longer applies."""


class RulePage(Page):
    """Rules, in the order in which they were made."""

    items: list[RuleShown]


class GrantShown(Schema):
    """A right that a subject holds on resources."""

    id: int
    subject: str
    right: str
    resource: str
    ends_at: UtcDatetime | None
    reason: str
    created_at: UtcDatetime


class GrantPage(Page):
    """Grants of the token's tenant, in the order in which they were made."""

    items: list[GrantShown]


class DecisionKept(Schema):
    """A decision of the gate, or a change of a rule or grant, as the record has it."""

    position: int
    """In its tenant's chain, from 1."""
    at: UtcDatetime
    event: Event
    by: str
    whose: str
    """Whom it is about."""
    action: str
    resource: str
    outcome: str
    """Of a decision: allow, expiring or deny."""


class DecisionPage(Page):
    """The record of the token's tenant, newest first."""

    items: list[DecisionKept]
