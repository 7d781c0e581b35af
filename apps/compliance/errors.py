"""What can go wrong in compliance, each with what to do about it.

ComplianceError
├── RuleNotFoundError     no rule has that id
└── GrantNotFoundError    no grant has that id

What the tables do not take is django.core.exceptions.ValidationError, by field.
"""


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
