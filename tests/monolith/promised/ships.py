"""A contract for the tests of calls. The file's name says whose it is: ships' schema holds the command records."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from monolith.contracts import DeclaredError, Interface, Schema, UtcDatetime, command, gate, raises


class Vessel(Schema):
    """One vessel."""

    mmsi: int
    name: str
    seen_at: UtcDatetime | None = None


class Outcome(StrEnum):
    """What the gate says."""

    ALLOW = "allow"
    DENY = "deny"


class Decision(Schema):
    """An answer of the gate."""

    outcome: Outcome
    until: UtcDatetime | None = None


def expiry(decision: Decision) -> datetime | None:
    return decision.until


class VesselUnknown(DeclaredError):
    """No vessel has this number."""

    status = 404
    mmsi: int
    seen_at: UtcDatetime | None = None


class VesselSunk(VesselUnknown):
    """A special case that no operation declares."""


class NeverRaised(DeclaredError):
    """Declared by nothing."""


class Ships(Interface, Protocol):
    """What ships promises in these tests."""

    @raises(VesselUnknown)
    def get(self, *, mmsi: int, name: str = "unnamed") -> Vessel:
        """Return one vessel."""
        ...

    def echo(self, *, vessels: list[Vessel]) -> list[Vessel]:
        """Return what was given."""
        ...

    def whoami(self) -> list[str]:
        """Return module, tenant, actor and whether a deadline is set."""
        ...

    @command
    @raises(VesselUnknown)
    def rename(self, *, idempotency_key: str, mmsi: int, name: str) -> Vessel:
        """Write a name."""
        ...

    @gate(on_failure=Decision(outcome=Outcome.DENY), callers=("hikes",), ceiling_s=60.0, until=expiry)
    def allow(self, *, subject: str) -> Decision:
        """Say whether subject may."""
        ...
