"""The relay: moves a module's committed messages to the broker, one after the other, and forgets what it confirmed."""

import time
from collections.abc import Callable
from typing import Final

from monolith.events import outbox
from monolith.events.broker import MAX_BATCH, Broker
from monolith.events.courier import POLL_S, Courier, breathe, trace
from monolith.jobs.records import plan_anew

CHANNEL: Final = "monolith_outbox"
HELD_UP_S: Final = 0.2  # when what is due is locked: it is just being moved or taken back
SHORTEST_WAIT_S: Final = 0.001
# Of a round's time. A longer rest makes batches, and a batch costs a NATS server as much as ten messages.
REST: Final = 0.3


def relay_once(broker: Broker) -> int:
    """Move what the current module has to say to the broker, up to a batch; returns how many messages went.

    No transaction is open while the network is used. What the broker has and the outbox still has is sent again, with
    the same ids, and taken once. Raises BrokerError.
    """
    moved, _ = _relay(broker)
    return moved


def _relay(broker: Broker) -> tuple[int, float | None]:
    """Return how many messages went and, if none did, the seconds until a timer is due; None when none waits."""
    plan_anew()
    messages, due_s = outbox.look(MAX_BATCH)
    if due_s is not None and due_s <= 0:
        if outbox.promote_due(MAX_BATCH):
            messages, due_s = outbox.look(MAX_BATCH)
        else:
            due_s = HELD_UP_S
    if not messages:
        return 0, due_s
    kept = messages[: broker.publish(messages)]
    outbox.sent(kept)
    trace("relay", (message.body for message in kept))
    return len(kept), None


class Relay(Courier):
    """One module's."""

    name_of_lease = "monolith.events.relay"

    def __init__(self, module: str, broker: Broker, *, until: Callable[[], bool]) -> None:
        super().__init__(module, until=until)
        self._broker = broker

    def work(self) -> float:
        began = time.monotonic()
        moved, due_s = _relay(self._broker)
        if moved:
            if moved < MAX_BATCH:
                breathe(began, REST)
            return 0.0  # few may be a batch as well, when they are large
        return POLL_S if due_s is None else min(POLL_S, max(due_s, SHORTEST_WAIT_S))
