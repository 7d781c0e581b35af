"""What can go wrong in compliance, each with what to do about it.

ComplianceError
├── RuleNotFoundError     no rule has that id
├── GrantNotFoundError    no grant has that id
└── AuditBrokenError      chains of the audit are not what was written

What the tables do not take is django.core.exceptions.ValidationError, by field.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.compliance.chain import Break


class ComplianceError(Exception):
    """Base of every error that compliance raises."""


class RuleNotFoundError(ComplianceError):
    """No rule has that id."""

    def __init__(self, pk: int) -> None:
        super().__init__(f"No rule has the id {pk}. GET /api/compliance/rules lists them.")


class GrantNotFoundError(ComplianceError):
    """No grant has that id."""

    def __init__(self, pk: int) -> None:
        super().__init__(f"No grant has the id {pk}. GET /api/compliance/grants lists them.")


class AuditBrokenError(ComplianceError):
    """Chains of the audit are not what was written; the message names the first break of each."""

    def __init__(self, breaks: Sequence["Break"], *, of: int) -> None:
        places = "; ".join(f"tenant {each.tenant!r} at {each.position}: {each.what}" for each in breaks)
        super().__init__(
            f"{len(breaks)} of {of} chains broken: {places}. `manage.py verify_audit` looks again."
        )
