"""What compliance promises: the one gate, asked before a write."""

from enum import StrEnum
from operator import attrgetter
from typing import Annotated, Protocol

from pydantic import Field

from monolith.contracts import Event, Interface, Schema, UtcDatetime, gate

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Printable text in one line; subjects are `user:7` or `command:ingest_nmea`, actions `knowledge.publish`."""


class Outcome(StrEnum):
    """How the gate decides."""

    ALLOW = "allow"
    EXPIRING = "expiring"  # allowed, and soon no longer: say so to whoever can renew it
    DENY = "deny"


class Decision(Schema):
    """Whether a subject may do something, and what is lacking when it may not."""

    outcome: Outcome
    missing: tuple[str, ...] = ()
    """What is lacking, each in words that tell a person what to do; empty unless denied."""
    ends_at: UtcDatetime | None = None
    """When the first grant that allows it ends; None when none of them ends by itself."""

    @property
    def allowed(self) -> bool:
        """Whether the write may go on: an expiring right is still a right."""
        return self.outcome is not Outcome.DENY


UNASKED = Decision(
    outcome=Outcome.DENY,
    missing=(
        "an answer: the compliance gate could not be asked. Try again when the module compliance is up",
    ),
)
"""The answer when there is none: a write that nobody allowed does not happen."""


class Compliance(Interface, Protocol):
    """Says who may do what, and keeps a record of having said it."""

    @gate(
        on_failure=UNASKED,
        callers=("agent", "chat", "home", "knowledge", "ships"),
        ceiling_s=5.0,
        until=attrgetter("ends_at"),
        changed_by="GrantChanged",
    )
    def check(self, *, subject: Name, action: Name, resource: Name) -> Decision:
        """Decide whether `subject` may do `action` to `resource` now, for the tenant of the call.

        What no rule mentions is denied. Ask before the transaction that writes, once for each resource.
        """
        ...


class GrantChanged(Event, key="subject"):
    """A grant or a rule was made, changed or ended: what the gate said before may be wrong."""

    subject: str
    """Whom it is about, as the grant has it, which may be a pattern: `user:7`, `user:*`; `*` for a rule."""
    right: str
    """Which right is given, taken or needed."""
    tenant: str = ""
    """In which tenant the grant holds; empty for rules, which all tenants share."""
