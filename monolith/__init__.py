"""FastMonolith: domain modules whose boundaries the database enforces."""

from monolith.composition import Composition, compose, composed
from monolith.context import current_module, entering
from monolith.errors import (
    BoundaryViolation,
    CompositionError,
    EmbeddedServiceError,
    MonolithError,
    NeedNotDeclared,
    ProvisionError,
    SecretNotDeclared,
    SessionViolation,
    TierViolation,
)
from monolith.module import (
    DatabaseLimits,
    DefinerFunction,
    Module,
    Need,
    OutsideConsumer,
    PublicRelation,
    Tier,
)
from monolith.profile import Profile
from monolith.transactions import atomic, connection, on_commit, reading

__all__ = [
    "BoundaryViolation",
    "Composition",
    "CompositionError",
    "DatabaseLimits",
    "DefinerFunction",
    "EmbeddedServiceError",
    "Module",
    "MonolithError",
    "Need",
    "NeedNotDeclared",
    "OutsideConsumer",
    "Profile",
    "ProvisionError",
    "PublicRelation",
    "SecretNotDeclared",
    "SessionViolation",
    "Tier",
    "TierViolation",
    "atomic",
    "compose",
    "composed",
    "connection",
    "current_module",
    "entering",
    "on_commit",
    "reading",
]
