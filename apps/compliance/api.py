"""What compliance provides to other modules, as contracts/compliance.py promises it."""

from django.utils import timezone

from apps.compliance import services
from apps.compliance.decisions import Question
from contracts.compliance import Decision, Name
from monolith.contracts import call_scope


def check(*, subject: Name, action: Name, resource: Name) -> Decision:
    """Decide, and record the decision in the tenant's chain."""
    scope = call_scope()
    question = Question(tenant=scope.tenant, subject=subject, action=action, resource=resource)
    return services.check(question, by=scope.actor, now=timezone.now())
