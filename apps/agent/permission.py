"""Who may look and write for a tenant: compliance's gate decides, by grants of that tenant, before anything is."""

import logging
from typing import Final

from apps.agent.errors import AgentDeniedError
from contracts.compliance import Compliance, Outcome
from monolith.contracts import require

logger = logging.getLogger(__name__)

READ: Final = "agent.read"  # resource tenant:<tenant>
CALL: Final = "agent.call"  # resource host:<where to>
CHANGE: Final = "agent.change_call"  # resource call:<id>
LOCK: Final = "agent.lock"  # resource lock:<name>
ROUTINE: Final = "agent.routine"  # resource routine:<name or id>
DECIDE: Final = "agent.decide"  # resource decision:<id>, or decision:new


def require_permission(*, subject: str, action: str, resource: str) -> None:
    """Ask the gate for the acting tenant. Raises AgentDeniedError naming what is missing."""
    decision = require(Compliance).check(subject=subject, action=action, resource=resource)
    if not decision.allowed:
        raise AgentDeniedError(subject, action, resource, decision.missing)
    if decision.outcome is Outcome.EXPIRING:
        logger.warning("%s may %s on %s until %s only", subject, action, resource, decision.ends_at)
