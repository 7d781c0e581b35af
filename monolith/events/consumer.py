"""The consumer: keeps what the broker has for a module in its inbox, in the order of the log, and moves on."""

from collections.abc import Callable
from typing import Final

from monolith.events import inbox
from monolith.events.broker import MAX_BATCH, Broker, Reader
from monolith.events.courier import Courier, trace

WAIT_S: Final = 0.5  # for the next message; then the lease is looked at again
MAX_WAITING: Final = 500_000  # jobs of a module that may wait before its messages wait in the broker
LOOK_EVERY: Final = 20  # batches between two looks at how many wait
FULL_PAUSE_S: Final = 0.5


class Consumer(Courier):
    """One module's."""

    name_of_lease = "monolith.events.consumer"

    def __init__(self, module: str, broker: Broker, *, until: Callable[[], bool]) -> None:
        super().__init__(module, until=until)
        self._broker = broker
        self._reader: Reader | None = None
        self._position = 0
        self._batches = 0

    def work(self) -> float:
        if self._is_full():
            return FULL_PAUSE_S
        reader = self._reader or self._begin()
        deliveries = reader.fetch(limit=MAX_BATCH, wait_s=WAIT_S)
        if deliveries:
            inbox.keep(self.module, reader.stream, self._position, deliveries)
            self._position = deliveries[-1].position
            trace("inbox", (delivery.body for delivery in deliveries))
            reader.acknowledge(self._position)
        return 0.0

    def rest(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _begin(self) -> Reader:
        reader = self._reader = self._broker.reader(self.module)
        self._position = inbox.position(reader.stream)
        reader.start_after(self._position)
        inbox.redeliver_known(self.module)
        return reader

    def _is_full(self) -> bool:
        """Say whether so much waits for workers that the rest had better wait in the broker, which is bounded."""
        if self._batches % LOOK_EVERY == 0 and inbox.is_full(MAX_WAITING):
            return True  # and looked at again before the next batch
        self._batches += 1
        return False
