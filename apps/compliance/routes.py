"""The HTTP face of compliance, for staff; handing out rights is for superusers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Status

from apps.compliance import queries, services
from apps.compliance.decisions import Question
from apps.compliance.errors import ComplianceError
from apps.compliance.models import Grant, Rule
from apps.compliance.schemas import (
    Ask,
    AuditFilter,
    EntryPage,
    GrantFilter,
    GrantOut,
    GrantPage,
    Id,
    NewGrant,
    NewRule,
    Paging,
    RuleFilter,
    RuleOut,
    RulePage,
    Verdict,
)
from monolith.http.problems import Problem, ProblemSchema, field_error

private = Router()


@private.get("/check", response={200: Verdict}, summary="What the gate would say")
def weigh(request: HttpRequest, asked: Query[Ask]) -> Any:
    """Try out rules and grants: the answer is the gate's, and nothing is recorded."""
    question = Question(asked.tenant, asked.subject, asked.action, asked.resource)
    return services.weigh(question, now=timezone.now())


@private.get("/rules", response={200: RulePage}, summary="What actions need")
def list_rules(request: HttpRequest, wanted: Query[RuleFilter]) -> Any:
    """Rules by action."""
    rules = Rule.objects.all()
    if wanted.applies is not None:
        rules = rules.filter(ended_at__isnull=wanted.applies)
    return _page(rules, wanted)


@private.post("/rules", response={201: RuleOut, 422: ProblemSchema}, summary="Make a rule")
def make_rule(request: HttpRequest, new: NewRule) -> Any:
    """Say what an action needs. Rules add up: all that match must be met."""
    by = _keeper(request)
    with _problems():
        return Status(201, services.make_rule(Rule(**new.model_dump()), by=by))


@private.post("/rules/{pk}/end", response={200: RuleOut, 404: ProblemSchema}, summary="End a rule")
def end_rule(request: HttpRequest, pk: Path[Id]) -> Any:
    """Let a rule apply no longer; an action without any is denied to all."""
    by = _keeper(request)
    with _problems():
        return services.end_rule(pk=pk, by=by, now=timezone.now())


@private.get("/grants", response={200: GrantPage}, summary="Who holds which right")
def list_grants(request: HttpRequest, wanted: Query[GrantFilter]) -> Any:
    """Grants by tenant and subject, ended ones included unless `holds` says otherwise."""
    given = {"tenant": wanted.tenant, "subject": wanted.subject, "right": wanted.right}
    grants = Grant.objects.filter(**{name: value for name, value in given.items() if value is not None})
    if wanted.holds is not None:
        holding = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
        grants = grants.filter(holding if wanted.holds else ~holding)
    return _page(grants, wanted)


@private.post("/grants", response={201: GrantOut, 422: ProblemSchema}, summary="Grant a right")
def make_grant(request: HttpRequest, new: NewGrant) -> Any:
    """Give a subject a right on resources, until it ends."""
    by = _keeper(request)
    with _problems():
        return Status(201, services.make_grant(Grant(**new.model_dump()), by=by))


@private.post("/grants/{pk}/end", response={200: GrantOut, 404: ProblemSchema}, summary="End a grant")
def end_grant(request: HttpRequest, pk: Path[Id]) -> Any:
    """Take a right back now."""
    by = _keeper(request)
    with _problems():
        return services.end_grant(pk=pk, by=by, now=timezone.now())


@private.get("/audit", response={200: EntryPage}, summary="Decisions and changes")
def list_audit(request: HttpRequest, wanted: Query[AuditFilter]) -> Any:
    """The record, newest first; `manage.py verify_audit` says whether it is whole."""
    entries = queries.audit_entries(tenant=wanted.tenant, event=wanted.event, subject=wanted.subject)
    return _page(entries, wanted)


def _page(rows: QuerySet[Any], wanted: Paging) -> dict[str, Any]:
    return {
        "total": rows.count(),
        "limit": wanted.limit,
        "offset": wanted.offset,
        "items": list(rows[wanted.offset : wanted.offset + wanted.limit]),
    }


def _keeper(request: HttpRequest) -> str:
    """Return who hands out rights, as a subject. Raises Problem 403 for other staff: they would serve themselves."""
    if not request.user.is_superuser:
        raise Problem(
            403,
            "Superusers only",
            detail="Staff may look at rules and grants; ask a superuser to change them.",
            type="superusers-only",
        )
    return f"user:{request.user.pk}"


@contextmanager
def _problems() -> Iterator[None]:
    """Translate what services raise."""
    try:
        yield
    except ComplianceError as error:
        raise Problem(404, "Not found", detail=str(error), type="not-found") from error
    except ValidationError as error:
        errors = [
            field_error("body", *([] if name == NON_FIELD_ERRORS else [name]), detail=message)
            for name, messages in error.message_dict.items()
            for message in messages
        ]
        raise Problem(422, "The request is not valid", errors=errors) from error
