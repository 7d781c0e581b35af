"""The relay: moves a module's committed messages to the broker, one after the other, and forgets what it confirmed."""

from collections.abc import Callable
from typing import Final

from monolith.events import outbox
from monolith.events.broker import MAX_BATCH, Broker
from monolith.events.courier import POLL_S, Courier, trace

CHANNEL: Final = "monolith_outbox"
HELD_UP_S: Final = 0.2  # when what is due is locked: it is just being moved or taken back


def relay_once(broker: Broker) -> int:
    """Move what the current module has to say to the broker, up to a batch; returns how many messages went.

    No transaction is open while the network is used. What the broker has and the outbox still has is sent again, with
    the same ids, and taken once. Raises BrokerError.
    """
    outbox.promote_due(MAX_BATCH)
    messages = outbox.unsent(MAX_BATCH)
    if not messages:
        return 0
    kept = messages[: broker.publish(messages)]
    outbox.sent(kept)
    trace("relay", (message.body for message in kept))
    return len(kept)


class Relay(Courier):
    """One module's."""

    name_of_lease = "monolith.events.relay"

    def __init__(self, module: str, broker: Broker, *, until: Callable[[], bool]) -> None:
        super().__init__(module, until=until)
        self._broker = broker

    def work(self) -> float:
        if relay_once(self._broker):
            return 0.0  # few may be a batch as well, when they are large
        due_s = outbox.next_due_s()
        if due_s is None:
            return POLL_S
        return min(POLL_S, due_s) if due_s > 0 else HELD_UP_S
