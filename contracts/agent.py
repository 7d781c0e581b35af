"""What agent tells and takes: calls to outside services that are made once, at their due time.

All of it is by message. A message's key is the id of its call, so that what happens to one call stays in order.
"""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from monolith.contracts import Command, Event, OpenEnum, Schema, UtcDatetime

CallName = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
HeaderName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
HeaderValue = Annotated[str, Field(max_length=2_000, pattern=r"^[\t -~]*$")]
Headers = Annotated[dict[HeaderName, HeaderValue], Field(max_length=50)]
Url = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^https?://[!-~]+$")]
Body = Annotated[str, Field(max_length=65_536, pattern=r"^[^\x00]*$")]
Detail = Annotated[str, Field(max_length=500)]


class Method(StrEnum):
    """What a call asks of the outside service."""

    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


class CallRequest(Schema):
    """What is sent to the outside service."""

    method: Method = Method.GET
    url: Url
    headers: Headers = {}
    """None that carry credentials: a request is stored, and crosses the broker, as it is."""
    body: Body = ""


class Reason(OpenEnum):
    """Why a call failed."""

    REFUSED = "refused"  # outbound HTTP does not go there; nothing was sent
    UNREACHABLE = "unreachable"  # no connection; nothing was sent
    EXPIRED = "expired"  # it was too late to begin; nothing was sent
    CANCELLED = "cancelled"  # while it was scheduled; nothing was sent
    STATUS = "status"  # the service answered, and not with success
    REDIRECTS = "redirects"  # too many, or to where outbound HTTP does not go
    TOO_LARGE = "too_large"  # the answer is larger than is read
    TIMEOUT = "timeout"  # sent, and not answered in time: it may have happened
    PROTOCOL = "protocol"  # sent, and the answer was none: it may have happened
    OUTCOME_UNKNOWN = "outcome_unknown"  # whoever made the attempt vanished: it may have happened


class Answer(Schema):
    """What the outside service answered, redacted and cut."""

    status: int
    url: Url
    """Where the answer came from, after redirects."""
    headers: Headers
    body: Body
    is_cut: bool
    """Whether the body was longer."""
    elapsed_ms: float


class ServiceCallSubmitted(Event, key="call_id", external=True):
    """A tenant's call was taken."""

    call_id: UUID
    name: CallName
    due_at: UtcDatetime


class ServiceCallScheduled(Event, key="call_id", external=True):
    """A call waits for its due time."""

    call_id: UUID
    due_at: UtcDatetime


class ServiceCallRunning(Event, key="call_id", external=True):
    """A call is due and its one attempt was ordered."""

    call_id: UUID


class ServiceCallSucceeded(Event, key="call_id", external=True):
    """The outside service answered with success."""

    call_id: UUID
    name: CallName
    status: int


class ServiceCallFailed(Event, key="call_id"):
    """A call ended without success, and is not tried again."""

    call_id: UUID
    name: CallName
    reason: Reason
    may_have_happened: bool
    """Whether the outside service may have done what was asked all the same: find out before asking again."""
    detail: Detail


class DueTimeReached(Event, key="call_id"):
    """A call's timer fired."""

    call_id: UUID


class ExecutionStarted(Event, key="call_id"):
    """The attempt begins now; a worker says so before it sends anything."""

    call_id: UUID
    run: str
    """Which worker makes it."""


class ExecutionSucceeded(Event, key="call_id"):
    """The attempt ended with a good answer."""

    call_id: UUID
    answer: Answer


class ExecutionFailed(Event, key="call_id"):
    """The attempt ended otherwise, or was not made."""

    call_id: UUID
    reason: Reason
    may_have_happened: bool
    detail: Detail
    answer: Answer | None = None


class SubmitServiceCall(Command, key="call_id"):
    """Make a call to an outside service, once, at its due time.

    The same idempotency key with the same name, request and due time is the same call.
    """

    call_id: UUID
    name: CallName
    idempotency_key: IdempotencyKey
    request: CallRequest
    due_at: UtcDatetime


class RescheduleServiceCall(Command, key="call_id"):
    """Make a call at another time, if it is still scheduled."""

    call_id: UUID
    due_at: UtcDatetime


class CancelServiceCall(Command, key="call_id"):
    """Do not make a call, if it is still scheduled."""

    call_id: UUID


class ScheduleTimer(Command, key="call_id"):
    """Tell when a call is due; once more moves its timer."""

    call_id: UUID
    due_at: UtcDatetime


class CancelTimer(Command, key="call_id"):
    """Forget a call's timer."""

    call_id: UUID


class StartExecution(Command, key="call_id", external=True):
    """Make the one attempt of a call. Its handler is the execution worker, which reads the broker by itself."""

    call_id: UUID
    request: CallRequest
    start_before: UtcDatetime
    """Not to be begun later: by then the call is about to be given up."""
