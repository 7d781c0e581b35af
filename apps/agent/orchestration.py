"""The only writer of calls and their attempts: what a call goes through, one guarded step at a time.

Each step is what one message leads to, in one transaction with what it publishes, and says whether it moved the call.
A step that comes twice, late, early, or from another tenant moves nothing. Moments are those of the database.
"""

import json
import logging
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.agent import submissions
from apps.agent.errors import CallNotTakenYetError
from apps.agent.models import Attempt, ServiceCall, Status, Submission
from apps.agent.queries import own, tenant
from apps.agent.redaction import redact_body, redact_headers, redact_url
from apps.agent.tenants import enrol
from contracts.agent import (
    Answer,
    CallRequest,
    CancelTimer,
    ExecutionFailed,
    ExecutionStarted,
    ExecutionSucceeded,
    Reason,
    RescheduleServiceCall,
    ScheduleTimer,
    ServiceCallFailed,
    ServiceCallRunning,
    ServiceCallScheduled,
    ServiceCallSubmitted,
    ServiceCallSucceeded,
    StartExecution,
    SubmitServiceCall,
)
from monolith.contracts import call_scope
from monolith.contracts.scope import correlated
from monolith.events import publish, send

logger = logging.getLogger(__name__)

START_WITHIN: Final = timedelta(minutes=5)  # of being ordered; what execution gets later is not begun
GIVE_UP_AFTER: Final = timedelta(minutes=10)  # longer than the above and an attempt's own limit together


def take(command: SubmitServiceCall) -> bool:
    """Store a call and set its timer. Raises IdempotencyConflictError when its key stands for another request."""
    submissions.host_of(command.request)
    if submissions.reserve(command) != command.call_id:
        return False  # another call of the same key and request, which goes its own way
    enrol()
    scope = call_scope()
    call, is_new = own(ServiceCall).get_or_create(
        id=command.call_id,
        defaults={
            "tenant_id": tenant(),
            "name": command.name,
            "request": command.request.model_dump(mode="json"),
            "due_at": command.due_at,
            "idempotency_key": command.idempotency_key,
            "correlation_id": scope.correlation,
            "command_id": scope.causation,
        },
    )
    if is_new:
        publish(ServiceCallSubmitted(call_id=call.id, name=call.name, due_at=call.due_at))
        _set_timer(call)
    return is_new


def _set_timer(call: ServiceCall) -> None:
    publish(ServiceCallScheduled(call_id=call.id, due_at=call.due_at))
    send(ScheduleTimer(call_id=call.id, due_at=call.due_at))


def move_due_time(command: RescheduleServiceCall) -> bool:
    """Give a call another due time while it is scheduled. Raises CallNotTakenYetError."""
    _require_taken(command.call_id)
    moved = _scheduled(command.call_id).update(due_at=command.due_at)
    if moved:
        _set_timer(own(ServiceCall).get(id=command.call_id))
    return bool(moved)


def cancel(call_id: UUID) -> bool:
    """End a call while it is scheduled: it fails, and nothing is sent. Raises CallNotTakenYetError."""
    _require_taken(call_id)
    outcome = {"reason": Reason.CANCELLED.value, "may_have_happened": False, "detail": "It was cancelled."}
    moved = _fail(_scheduled(call_id), call_id, outcome)
    if moved:
        send(CancelTimer(call_id=call_id))
    return moved


def _require_taken(call_id: UUID) -> None:
    """Raise CallNotTakenYetError for a call that was only submitted: subscribers keep no order between each other."""
    if own(ServiceCall).filter(id=call_id).exists():
        return
    if own(Submission).filter(id=call_id).exists():
        raise CallNotTakenYetError(call_id)


def start(call_id: UUID) -> bool:
    """Order a call's one attempt, if it is scheduled and due."""
    if not _scheduled(call_id).filter(due_at__lte=Now()).update(status=Status.RUNNING):
        _wait_again(call_id)
        return False
    call = own(ServiceCall).get(id=call_id)
    now = timezone.now()
    publish(ServiceCallRunning(call_id=call_id))
    message = send(
        StartExecution(
            call_id=call_id,
            request=CallRequest.model_validate_json(json.dumps(call.request)),
            start_before=now + START_WITHIN,
        )
    )
    Attempt.objects.create(
        id=call_id,
        tenant_id=tenant(),
        message_id=message,
        give_up_at=now + GIVE_UP_AFTER,
        headers=redact_headers(call.request["headers"]),
    )
    return True


def _wait_again(call_id: UUID) -> None:
    """Set the timer of a call that is not due yet anew: it was moved while its timer fired, or clocks differ."""
    if call := _scheduled(call_id).first():
        send(ScheduleTimer(call_id=call_id, due_at=call.due_at))


def note_started(event: ExecutionStarted) -> bool:
    """Write down which worker makes the attempt."""
    attempts = own(Attempt).filter(id=event.call_id, ended_at=None, started_at=None)
    return bool(attempts.update(run=event.run[:100], started_at=Now()))


def succeed(event: ExecutionSucceeded) -> bool:
    """End a running call with its answer."""
    outcome = {"answer": _kept(event.answer)}
    if not _end(_running(event.call_id), event.call_id, Status.SUCCEEDED, outcome):
        return False
    publish(
        ServiceCallSucceeded(call_id=event.call_id, name=_name(event.call_id), status=event.answer.status)
    )
    return True


def fail(event: ExecutionFailed) -> bool:
    """End a running call without success."""
    outcome = {
        "reason": event.reason.value,
        "may_have_happened": event.may_have_happened,
        "detail": redact_body(event.detail)[0][:500],
        "answer": None if event.answer is None else _kept(event.answer),
    }
    return _fail(_running(event.call_id), event.call_id, outcome)


def give_up(attempt: Attempt) -> bool:
    """End a call whose attempt should long have ended, and may have happened or not."""
    call = own(ServiceCall).get(id=attempt.id)
    outcome = {
        "reason": Reason.OUTCOME_UNKNOWN.value,
        "may_have_happened": True,
        "detail": "Execution did not say in time how it ended.",
    }
    with correlated(correlation=call.correlation_id, causation=str(attempt.message_id)):
        return _fail(_running(attempt.id), attempt.id, outcome)


def _fail(calls: QuerySet[ServiceCall], call_id: UUID, outcome: dict[str, Any]) -> bool:
    if not _end(calls, call_id, Status.FAILED, outcome):
        return False
    told = {field: outcome[field] for field in ("may_have_happened", "detail")}
    publish(ServiceCallFailed(call_id=call_id, name=_name(call_id), reason=Reason(outcome["reason"]), **told))
    return True


def _end(calls: QuerySet[ServiceCall], call_id: UUID, status: Status, outcome: dict[str, Any]) -> bool:
    if not calls.update(status=status, outcome=outcome, ended_at=Now()):
        logger.info("call %s did not move to %s: it is not where that begins", call_id, status)
        return False
    own(Attempt).filter(id=call_id).update(ended_at=Now())
    return True


def _scheduled(call_id: UUID) -> QuerySet[ServiceCall]:
    return own(ServiceCall).filter(id=call_id, status=Status.SCHEDULED)


def _running(call_id: UUID) -> QuerySet[ServiceCall]:
    return own(ServiceCall).filter(id=call_id, status=Status.RUNNING)


def _name(call_id: UUID) -> str:
    return own(ServiceCall).values_list("name", flat=True).get(id=call_id)


def _kept(answer: Answer) -> dict[str, Any]:
    """Return what is stored of an answer. Execution has redacted it; a worker of another version may have not."""
    body, cut = redact_body(answer.body)
    return {
        "status": answer.status,
        "url": redact_url(answer.url),
        "headers": redact_headers(answer.headers),
        "body": body,
        "is_cut": answer.is_cut or cut,
        "elapsed_ms": answer.elapsed_ms,
    }
