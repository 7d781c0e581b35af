"""What the gate has to know, and what its keepers ask for."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Max, Q, QuerySet
from django.db.models.fields.json import KT

from apps.compliance.decisions import Holding, Need, Question
from apps.compliance.models import AuditEntry, Grant, Rule
from apps.compliance.patterns import patterns_matching


def needs_of(question: Question) -> list[Need]:
    """Return what the rules that match an action and its resource ask for."""
    rules = Rule.objects.filter(
        ended_at=None,
        action__in=patterns_matching(question.action),
        resource__in=patterns_matching(question.resource),
    )
    return [
        Need(right=right, notice=timedelta(days=days))
        for right, days in rules.values_list("right", "notice_days")
    ]


def holdings_of(question: Question, rights: Iterable[str]) -> dict[str, Holding]:
    """Return the longest grant of each right that the subject holds or held on the resource, by right."""
    grants = (
        Grant.objects.filter(
            tenant=question.tenant,
            right__in=set(rights),
            subject__in=patterns_matching(question.subject),
            resource__in=patterns_matching(question.resource),
        )
        .order_by()
        .values_list("right")
        .annotate(last=Max("ends_at"), endless=Count("id", filter=Q(ends_at=None)))
    )
    return {right: Holding(None if endless else last) for right, last, endless in grants}


def audit_entries(*, tenant: str | None, event: str | None, subject: str | None) -> QuerySet[AuditEntry]:
    """Return the entries that fit, newest first; None means that it does not matter."""
    entries = AuditEntry.objects.order_by("-id")
    if tenant is not None:
        entries = entries.filter(tenant=tenant)
    if event is not None:
        entries = entries.filter(content__event=event)
    return entries if subject is None else about(entries, subject)


def about(entries: QuerySet[AuditEntry], subject: str) -> QuerySet[AuditEntry]:
    """Narrow entries to those about a subject; by text, not by JSON value, because so is its index."""
    return entries.alias(subject=KT("content__subject")).filter(subject=subject)
