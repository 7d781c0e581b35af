"""The API's side of calls: it takes requests and sends commands, and writes nothing but which key stands for what."""

import hashlib
import json
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from apps.agent import queries
from apps.agent.errors import CallMovedOnError, IdempotencyConflictError, RequestRefusedError
from apps.agent.models import ServiceCall, Status, Submission
from apps.agent.redaction import is_secret
from contracts.agent import (
    CallRequest,
    CancelServiceCall,
    Method,
    RescheduleServiceCall,
    SubmitServiceCall,
)
from monolith import atomic
from monolith.contracts.scope import correlated, correlation_id
from monolith.events import send
from monolith.events.ids import uuid7

MAX_HOST: Final = 190  # characters; with what is put before it, a resource of compliance
# Of the connection and not of the request: execution sets them, or they would change what the server reads.
_NOT_OURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def host_of(request: CallRequest) -> str:
    """Return the host that a request goes to. Raises RequestRefusedError for a request that is not taken."""
    _require_plain_headers(request)
    if request.body and request.method in (Method.GET, Method.HEAD):
        raise RequestRefusedError("body", f"{request.method} has no body; send it with POST, PUT or PATCH.")
    try:
        parts = urlsplit(request.url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise RequestRefusedError("url", f"It cannot be read: {error}.") from error
    if parts.username is not None or parts.password is not None:
        raise RequestRefusedError(
            "url", "It holds a user or password, which would be stored; leave them out."
        )
    if not 0 < len(host) <= MAX_HOST or "*" in host:
        raise RequestRefusedError("url", f"It names no host, or one of more than {MAX_HOST} characters.")
    return host


def _require_plain_headers(request: CallRequest) -> None:
    for name in request.headers:
        if is_secret(name):
            raise RequestRefusedError(
                "headers", f"'{name}' carries credentials, which would be stored; leave it out."
            )
        if name.lower() in _NOT_OURS:
            raise RequestRefusedError("headers", f"'{name}' belongs to the connection; leave it out.")


def submit(*, name: str, request: CallRequest, due_at: datetime, idempotency_key: str) -> tuple[UUID, bool]:
    """Take a call once however often it comes; returns its id, and whether it is new.

    Raises RequestRefusedError, and IdempotencyConflictError when the key stands for something else.
    """
    host_of(request)
    command = SubmitServiceCall(
        call_id=uuid7(), name=name, idempotency_key=idempotency_key, request=request, due_at=due_at
    )
    with atomic():
        taken = reserve(command)
        if is_new := taken == command.call_id:
            message = str(send(command))
            queries.own(Submission).filter(id=taken).update(
                command_id=message, correlation_id=correlation_id() or message
            )
    return taken, is_new


def reserve(command: SubmitServiceCall) -> UUID:
    """Let a key stand for a command, and return the id of the call that it stands for.

    Raises IdempotencyConflictError when that was another request.
    """
    fields = {
        "id": command.call_id,
        "digest": digest(command),
        "name": command.name,
        "request": command.request.model_dump(mode="json"),
        "due_at": command.due_at,
    }
    taken, _ = queries.own(Submission).get_or_create(
        tenant_id=queries.tenant(), idempotency_key=command.idempotency_key, defaults=fields
    )
    if taken.digest != fields["digest"]:
        raise IdempotencyConflictError(command.idempotency_key, taken.id)
    return taken.id


def digest(command: SubmitServiceCall) -> str:
    """Return SHA-256 over everything that a caller asked for: what differs in part is another request."""
    asked = command.model_dump(mode="json", include={"name", "request", "due_at"})
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def reschedule(*, call_id: UUID, due_at: datetime) -> None:
    """Ask for a call to be made at another time. Raises CallNotFoundError and CallMovedOnError."""
    call = _scheduled(call_id)
    with atomic(), _because_of(call):
        send(RescheduleServiceCall(call_id=call_id, due_at=due_at))


def cancel(*, call_id: UUID) -> None:
    """Ask for a call not to be made. Raises CallNotFoundError and CallMovedOnError."""
    call = _scheduled(call_id)
    with atomic(), _because_of(call):
        send(CancelServiceCall(call_id=call_id))


def _scheduled(call_id: UUID) -> ServiceCall:
    with atomic():
        call = queries.call(call_id)
    if call.status not in (Status.SCHEDULED, queries.SUBMITTED):
        raise CallMovedOnError(call_id, call.status)
    return call


def _because_of(call: ServiceCall) -> AbstractContextManager[None]:
    return correlated(correlation=call.correlation_id, causation=call.command_id)
