"""What execution says, in envelopes of its own: it has no outbox.

The id of a message follows from its call and step. Said twice, it is the same message; and success and failure are one
step, so that of two workers that end one call differently the first one counts.
"""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

from contracts.agent import ExecutionFailed, ExecutionStarted, ExecutionSucceeded
from monolith.events.broker import Outgoing
from monolith.events.envelope import Envelope

PRODUCER: Final = "agent"
_NAMESPACE: Final = UUID("6f1f3d5e-6d0b-5a53-9f7e-0d9f0c3a4b1e")

type Said = ExecutionStarted | ExecutionSucceeded | ExecutionFailed


def say(message: Said, because: Envelope) -> Outgoing:
    """Return a message as it goes to the broker: of the tenant and the chain of the command that led to it."""
    declared = message.message_type
    step = "started" if isinstance(message, ExecutionStarted) else "ended"
    envelope = Envelope(
        id=uuid5(_NAMESPACE, f"{because.tenant}:{message.call_id}:{step}"),
        type=declared.name,
        version=declared.version,
        tenant=because.tenant,
        key=message.partition_key,
        occurred_at=datetime.now(UTC),
        correlation_id=because.correlation_id,
        causation_id=str(because.id),
        producer=PRODUCER,
        environment=because.environment,
        payload=message.model_dump(mode="json"),
        trace=because.trace,
    )
    return Outgoing(envelope.id, declared.name, envelope.to_json().encode())
