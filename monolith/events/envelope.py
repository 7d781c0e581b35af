"""What surrounds a message on its way: who says it, about what, in which order and because of what.

On the wire it is a CloudEvent in JSON (CloudEvents 1.0.2, structured mode), with the extensions `partitionkey` and
`traceparent`/`tracestate` as CloudEvents documents them, and some of ours, whose names are lower-case letters alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from monolith.contracts.errors import MessageUnreadable

_SPEC_VERSION: Final = "1.0"
_TRACE: Final = ("traceparent", "tracestate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message with all that is known of it."""

    id: UUID
    type: str  # knowledge.NoteChanged
    version: int
    tenant: str  # empty: of no tenant
    key: str  # with the tenant, what messages are kept in order by
    occurred_at: datetime
    correlation_id: str
    causation_id: str  # the message that this one was published because of; empty at the beginning of a chain
    producer: str  # the module that published it
    environment: str
    payload: Mapping[str, Any]  # as JSON has it
    trace: Mapping[str, str] = field(default_factory=dict)  # W3C trace context

    @property
    def partition_key(self) -> str:
        # No tenant's name may make its key look like another's.
        return f"{quote(self.tenant, safe='')}:{self.key}"

    def to_json(self) -> str:
        """Return the envelope as it crosses."""
        event: dict[str, Any] = {
            "specversion": _SPEC_VERSION,
            "id": str(self.id),
            "source": f"/{self.environment}/{self.producer}",
            "type": self.type,
            "time": self.occurred_at.isoformat(),
            "datacontenttype": "application/json",
            "subject": self.key,
            "partitionkey": self.partition_key,
            "dataversion": self.version,
            "correlationid": self.correlation_id,
            **({"tenant": self.tenant} if self.tenant else {}),
            **({"causationid": self.causation_id} if self.causation_id else {}),
            **self.trace,
            "data": self.payload,
        }
        return json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def read_envelope(body: str | bytes | Mapping[str, Any]) -> Envelope:
    """Return the envelope of what came from a broker, as text or as its JSON. Raises MessageUnreadable."""
    try:
        event = json.loads(body) if isinstance(body, str | bytes) else body
        if event["specversion"] != _SPEC_VERSION:
            raise ValueError(f"specversion is {event['specversion']!r}")
        _, environment, producer = event["source"].split("/")
        occurred_at = datetime.fromisoformat(event["time"])
        if not isinstance(event["data"], dict) or occurred_at.tzinfo is None:
            raise ValueError("data is no object, or time has no zone")
        return Envelope(
            id=UUID(event["id"]),
            type=str(event["type"]),
            version=int(event["dataversion"]),
            tenant=str(event.get("tenant", "")),
            key=str(event["subject"]),
            occurred_at=occurred_at,
            correlation_id=str(event["correlationid"]),
            causation_id=str(event.get("causationid", "")),
            producer=producer,
            environment=environment,
            payload=event["data"],
            trace={name: str(event[name]) for name in _TRACE if name in event},
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise MessageUnreadable(
            f"this is no message of a FastMonolith system ({type(error).__name__}: {error}); find out who wrote it to "
            "the broker, then discard it"
        ) from None
