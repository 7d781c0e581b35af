"""Decisions: a question that an outside agent puts to a person, open until it is answered or its time is over."""

from datetime import datetime
from uuid import UUID

from django.db.models.functions import Now

from apps.agent.errors import DecisionNotFoundError, DecisionOverError, KeyInUseError
from apps.agent.models import Decision, DecisionStatus
from apps.agent.queries import own, tenant
from apps.agent.tenants import enrol
from monolith import atomic
from monolith.events.ids import uuid7


def ask(
    *, question: str, options: list[str], expires_at: datetime, decision_id: UUID | None = None
) -> Decision:
    """Put up a question with the answers to choose from, once for a `decision_id`.

    Raises KeyInUseError when that is another question's.
    """
    fields = {"question": question, "options": options, "expires_at": expires_at}
    with atomic():
        enrol()
        decision, is_new = own(Decision).get_or_create(
            id=decision_id or uuid7(), defaults={"tenant_id": tenant(), **fields}
        )
    if not is_new and (decision.question, decision.options) != (question, options):
        raise KeyInUseError("decision", decision.id)
    return decision


def decide(*, decision_id: UUID, choice: str, by: str) -> Decision:
    """Answer a question once. Raises DecisionNotFoundError, and DecisionOverError when that is not possible."""
    with atomic():
        decision = get(decision_id)
        if choice not in decision.options:
            raise DecisionOverError(decision_id, f"'{choice}' is none of {', '.join(decision.options)}")
        open_still = own(Decision).filter(id=decision_id, status=DecisionStatus.OPEN, expires_at__gt=Now())
        if not open_still.update(
            status=DecisionStatus.DECIDED, choice=choice, decided_by=by, decided_at=Now()
        ):
            status = own(Decision).values_list("status", flat=True).get(id=decision_id)
            raise DecisionOverError(decision_id, f"it is {status.lower()}")
        return get(decision_id)


def get(decision_id: UUID) -> Decision:
    """Return a decision; one whose time is over is written down as expired. Raises DecisionNotFoundError."""
    with atomic():
        expire()
        if (found := own(Decision).filter(id=decision_id).first()) is None:
            raise DecisionNotFoundError(decision_id)
        return found


def expire() -> int:
    """Write down which open decisions are over; returns how many."""
    over = own(Decision).filter(status=DecisionStatus.OPEN, expires_at__lte=Now())
    return over.update(status=DecisionStatus.EXPIRED)
