"""What agents can ask of compliance: what they may do, what that takes, and what the gate has said.

Rights are handed out by superusers, and no tool does. A token sees what its tenant has, and no other's.
"""

from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from apps.compliance import queries, services
from apps.compliance.decisions import Question
from apps.compliance.models import AuditEntry, Event, Grant, Rule
from apps.compliance.patterns import patterns_matching
from apps.compliance.tool_schemas import (
    DecisionKept,
    DecisionPage,
    GrantPage,
    Pattern,
    Right,
    RulePage,
    Verdict,
)
from contracts.compliance import Name
from monolith.contracts import call_scope
from monolith.tools import Tag, tool
from monolith.tools.pages import After, Limit, filled, page_of

_IN_ORDER: Final = ("id",)


@tool(tag=Tag.READ)
def check_permission(*, action: Name, resource: Name) -> Verdict:
    """Say whether this token may do something now, and what is missing when it may not; nothing is recorded.

    Actions are named like `chat.post`, resources like `channel:help`; a tool that is refused names both.
    """
    scope = call_scope()
    question = Question(tenant=scope.tenant, subject=scope.actor, action=action, resource=resource)
    said = services.weigh(question, now=timezone.now())
    return Verdict(whose=scope.actor, outcome=said.outcome, missing=list(said.missing), ends_at=said.ends_at)


@tool(tag=Tag.READ)
def list_rules(
    *, action: Name | None = None, ended: bool = False, limit: Limit = 20, after: After = ""
) -> RulePage:
    """List which rights actions need; `action` keeps the rules that are about it. They hold for all tenants."""
    rules = Rule.objects.filter(ended_at__isnull=not ended)
    if action is not None:
        rules = rules.filter(action__in=patterns_matching(action))
    return page_of(RulePage, rules, order=_IN_ORDER, after=after, limit=limit)


@tool(tag=Tag.READ)
def list_grants(
    *,
    whose: Pattern | None = None,
    right: Right | None = None,
    ended: bool = False,
    limit: Limit = 20,
    after: After = "",
) -> GrantPage:
    """List who holds which right in this token's tenant; `whose` is a subject, as it stands in the grant."""
    holding = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
    grants = Grant.objects.filter(~holding if ended else holding, tenant=call_scope().tenant)
    given = {"subject": whose, "right": right}
    grants = grants.filter(**{name: value for name, value in given.items() if value is not None})
    return page_of(GrantPage, grants, order=_IN_ORDER, after=after, limit=limit)


@tool(tag=Tag.READ)
def list_record(
    *,
    event: Event | None = None,
    whose: Name | None = None,
    limit: Limit = 20,
    after: After = "",
) -> DecisionPage:
    """List what the gate decided and which grants changed in this token's tenant, newest first."""
    entries = queries.audit_entries(tenant=call_scope().tenant, event=event, subject=whose)
    return page_of(DecisionPage, entries, order=("-id",), after=after, limit=limit, item=_kept)


def _kept(entry: AuditEntry) -> DecisionKept:
    details = entry.details
    told: dict[str, Any] = {name: str(details.get(name) or "") for name in ("action", "resource", "outcome")}
    return filled(
        DecisionKept,
        position=entry.position,
        at=entry.at,
        event=entry.event,
        by=entry.by,
        whose=str(details.get("subject") or ""),
        **told,
    )
