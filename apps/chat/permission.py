"""Who may write in chat: compliance's gate decides, and is asked before anything is written."""

import logging
from typing import Final

from apps.chat.errors import ChatDeniedError
from contracts.compliance import Compliance, Outcome
from monolith.contracts import require

logger = logging.getLogger(__name__)

POST: Final = "chat.post"  # resource channel:<slug>; asking is posting a question
MANAGE: Final = "chat.manage"  # resource channel:<slug>: makes and archives it
MODERATE: Final = "chat.moderate"  # resource trust:<subject>
DELIVER: Final = "chat.deliver"  # resource <sender>:<target>
DECIDE: Final = "chat.decide_delivery"  # resource delivery:<id>


def require_permission(*, subject: str, action: str, resource: str) -> None:
    """Ask the gate. Raises ChatDeniedError naming what is missing."""
    decision = require(Compliance).check(subject=subject, action=action, resource=resource)
    if not decision.allowed:
        raise ChatDeniedError(subject, action, resource, decision.missing)
    if decision.outcome is Outcome.EXPIRING:
        logger.warning("%s may %s on %s until %s only", subject, action, resource, decision.ends_at)
