"""What compliance does. Runs as compliance: enter the module first."""

from datetime import datetime
from typing import Final

from apps.compliance import audit, queries
from apps.compliance.decisions import Question, decide
from apps.compliance.errors import GrantNotFoundError, RuleNotFoundError
from apps.compliance.models import Event, Grant, Rule
from contracts.compliance import Decision
from monolith import connection

# Readers are not held up by it.
_LOCK_RULES: Final = "LOCK TABLE compliance_rule IN SHARE ROW EXCLUSIVE MODE"


def weigh(question: Question, *, now: datetime) -> Decision:
    """Return what the gate would say; nothing is recorded."""
    needs = queries.needs_of(question)
    holdings = queries.holdings_of(question, [need.right for need in needs])
    return decide(question, needs=needs, holdings=holdings, now=now)


def check(question: Question, *, by: str, now: datetime) -> Decision:
    """Decide and record it; `by` is who asks, where that is known. Raises django.db.Error when it cannot do both.

    So a decision that left no record is none: the caller's gate denies.
    """
    decision = weigh(question, now=now)
    audit.append(
        tenant=question.tenant,
        event=Event.CHECK,
        by=by,
        details={
            "subject": question.subject,
            "action": question.action,
            "resource": question.resource,
            **decision.model_dump(mode="json"),
        },
    )
    return decision


def one_at_a_time() -> None:
    """Wait for who makes or changes a rule, and let others wait until the open transaction ends; the gate goes on."""
    with connection().cursor() as cursor:
        cursor.execute(_LOCK_RULES)


def make_rule(rule: Rule, *, by: str) -> Rule:
    """Store a new rule. Raises ValidationError naming the fields that are refused."""
    with audit.changing(by=by) as tell:
        one_at_a_time()  # or two equal ones at once would both be found to be new
        rule.full_clean()
        rule.save(force_insert=True)
        tell(rule)
    return rule


def end_rule(*, pk: int, by: str, now: datetime) -> Rule:
    """Let a rule apply no longer; once more changes nothing. Raises RuleNotFoundError."""
    with audit.changing(by=by) as tell:
        rule = Rule.objects.select_for_update().filter(pk=pk).first()
        if rule is None:
            raise RuleNotFoundError(pk)
        if rule.ended_at is None:
            rule.ended_at = now
            rule.save(update_fields=["ended_at"])
            tell(rule)
    return rule


def make_grant(grant: Grant, *, by: str) -> Grant:
    """Give a subject a right. Raises ValidationError naming the fields that are refused."""
    grant.full_clean()
    with audit.changing(by=by) as tell:
        grant.save(force_insert=True)
        tell(grant)
    return grant


def end_grant(*, pk: int, by: str, now: datetime) -> Grant:
    """Take a right back now; one that has ended stays as it is. Raises GrantNotFoundError."""
    with audit.changing(by=by) as tell:
        grant = Grant.objects.select_for_update().filter(pk=pk).first()
        if grant is None:
            raise GrantNotFoundError(pk)
        if grant.holds_at(now):
            grant.ends_at = now
            grant.save(update_fields=["ends_at"])
            tell(grant)
    return grant
