"""The consumer: keeps what the broker has for a module in its inbox, in the order of the log, and moves on."""

import time
from collections.abc import Callable
from typing import Final

from monolith.events import inbox
from monolith.events.broker import MAX_BATCH, Broker, Reader
from monolith.events.courier import Courier, breathe, trace

WAIT_S: Final = 0.5  # for the next message; then the lease is looked at again
MAX_WAITING: Final = 500_000  # jobs of a module that may wait before its messages wait in the broker
ACKNOWLEDGE_S: Final = 0.2  # between two acknowledgements, as long as few messages come
REST: Final = 3.0  # times what keeping the last messages took
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
        self._acknowledged = 0
        self._acknowledge_at = 0.0  # time.monotonic()
        self._batches = 0

    def work(self) -> float:
        if self._is_full():
            return FULL_PAUSE_S
        reader = self._reader or self._begin()
        deliveries = reader.fetch(limit=MAX_BATCH, wait_s=WAIT_S)
        began = time.monotonic()
        if deliveries:
            inbox.keep(self.module, reader.stream, self._position, deliveries)
            self._position = deliveries[-1].position
            trace("inbox", (delivery.body for delivery in deliveries))
        few = len(deliveries) < MAX_BATCH
        if not deliveries or not few or began >= self._acknowledge_at:
            self._acknowledge(reader)
        if deliveries and few:
            breathe(began, REST)
        return 0.0

    def _acknowledge(self, reader: Reader) -> None:
        """Let the broker forget what is kept here; it writes down each time that it was told to."""
        if self._acknowledged < self._position:
            reader.acknowledge(self._position)
            self._acknowledged = self._position
        self._acknowledge_at = time.monotonic() + ACKNOWLEDGE_S

    def rest(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _begin(self) -> Reader:
        reader = self._reader = self._broker.reader(self.module)
        self._position = self._acknowledged = inbox.begin(reader.stream)
        reader.start_after(self._position)
        inbox.redeliver_known(self.module)
        return reader

    def _is_full(self) -> bool:
        """Say whether so much waits for workers that the rest had better wait in the broker, which is bounded."""
        if self._batches % LOOK_EVERY == 0 and inbox.is_full(MAX_WAITING):
            return True  # and looked at again before the next batch
        self._batches += 1
        return False
