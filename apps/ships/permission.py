"""Who may bring sentences in: compliance's gate decides, and is asked before anything is written."""

import logging
from typing import Final

from contracts.compliance import Compliance, Outcome
from monolith.contracts import require

logger = logging.getLogger(__name__)

INGEST: Final = "ships.ingest"
FROM_FEED: Final = "source:feed"
FROM_FILE: Final = "source:file"
FROM_PIPE: Final = "source:pipe"
FROM_POST: Final = "source:post"
FROM_REPLAY: Final = "source:replay"


class IngestDeniedError(Exception):
    """The gate does not let someone bring sentences in; `missing` says what would let them."""

    def __init__(self, subject: str, resource: str, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(f"{subject} may not ingest from {resource}. Missing: {'; '.join(missing)}.")


def require_permission(*, subject: str, resource: str) -> None:
    """Ask the gate, once for a whole batch. Raises IngestDeniedError naming what is missing."""
    decision = require(Compliance).check(subject=subject, action=INGEST, resource=resource)
    if not decision.allowed:
        raise IngestDeniedError(subject, resource, decision.missing)
    if decision.outcome is Outcome.EXPIRING:
        logger.warning("%s may ingest from %s until %s only", subject, resource, decision.ends_at)
