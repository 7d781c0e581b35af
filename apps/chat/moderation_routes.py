"""Trust over HTTP: everybody's own, and everyone's for those who may look."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router

from apps.chat import queries, trust
from apps.chat.answers import ModerationPage, TrustOut, TrustPage
from apps.chat.edge import problems, subject_of
from apps.chat.inputs import Subject
from apps.chat.models import LOCKED_BELOW
from apps.chat.permission import MODERATE, require_permission
from apps.chat.requests import ModerationSearch, TrustEdit, TrustSearch
from monolith.http import permissions
from monolith.http.problems import ProblemSchema

moderation = Router()


@moderation.get("/trust", response={200: TrustPage, 403: ProblemSchema}, summary="Trust")
def list_trust(request: HttpRequest, wanted: Query[TrustSearch]) -> Any:
    """Whose trust was ever touched, the least trusted first; everybody else has 100."""
    permissions.require_permission(request, "chat.view_usertrust")
    return queries.page(queries.trust(locked=wanted.locked), limit=wanted.limit, offset=wanted.offset)


@moderation.get("/trust/me", response={200: TrustOut}, summary="Your trust")
def show_own_trust(request: HttpRequest) -> Any:
    """How far you are trusted."""
    subject = subject_of(request)
    score = trust.trust_of(subject)
    return {"subject": subject, "score": score, "locked": score < LOCKED_BELOW}


@moderation.put(
    "/trust/{subject}", response={200: TrustOut, 403: ProblemSchema}, summary="Set somebody's trust"
)
def set_trust(request: HttpRequest, subject: Path[Subject], edit: TrustEdit) -> Any:
    """Set how far somebody is trusted, if compliance lets you; it is kept that you did, and why."""
    by = subject_of(request)
    with problems():
        require_permission(subject=by, action=MODERATE, resource=f"trust:{subject}")
        return trust.set_trust(
            subject=subject, score=edit.score, by=by, reason=edit.reason, now=timezone.now()
        )


@moderation.get("/moderation", response={200: ModerationPage, 403: ProblemSchema}, summary="Moderation")
def list_moderation(request: HttpRequest, wanted: Query[ModerationSearch]) -> Any:
    """Why trust changed, newest first; also where words were let through unscored."""
    permissions.require_permission(request, "chat.view_moderationevent")
    found = queries.moderation(subject=wanted.subject)
    return queries.page(found, limit=wanted.limit, offset=wanted.offset)
