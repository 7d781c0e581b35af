"""The two processes of a cluster that carry messages: one relays, one consumes, each for every composed module."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from django.db import connections

from monolith.composition import composed
from monolith.events.broker import Broker
from monolith.events.brokers import broker
from monolith.events.consumer import Consumer
from monolith.events.courier import Courier
from monolith.events.errors import BrokerError
from monolith.events.registry import consumers, subscribers_by_type
from monolith.events.relay import CHANNEL, Relay
from monolith.jobs.worker import is_orphan
from monolith.notifications import Listener
from monolith.telemetry import start_telemetry

logger = logging.getLogger("monolith.events")

AGAIN_S: Final = 1.0
JOIN_S: Final = 5.0
LOOK_S: Final = (
    0.1  # between two looks whether to end: the stop flag is memory of several processes, and wakes nobody
)


class StopFlag(Protocol):
    """What says that the cluster stops."""

    @property
    def is_stopping(self) -> bool: ...


def relay(flag: StopFlag, prepare: Callable[[], None]) -> None:
    """Be the process that relays until the cluster stops."""
    prepare()
    _run(flag, lambda found, until: [Relay(name, found, until=until) for name in composed().modules], CHANNEL)


def consume(flag: StopFlag, prepare: Callable[[], None]) -> None:
    """Be the process that consumes until the cluster stops."""
    prepare()
    _run(
        flag,
        lambda found, until: [
            Consumer(name, found, until=until) for name in composed().modules if subscribers_by_type(name)
        ],
    )


def _run(
    flag: StopFlag,
    make: Callable[[Broker, Callable[[], bool]], Sequence[Courier]],
    channel: str = "",
) -> None:
    def is_ending() -> bool:
        return flag.is_stopping or is_orphan()

    start_telemetry(composed().profile)
    found = broker()
    # Consumers first: the broker keeps nothing for those that it does not know.
    if not converge(found, until=is_ending):
        return
    couriers: Mapping[str, Courier] = {courier.module: courier for courier in make(found, is_ending)}

    def hear(module: str) -> None:
        if (courier := couriers.get(module)) is not None:
            courier.wake()

    if channel:
        Listener(channel, hear, until=is_ending).start()
    for courier in couriers.values():
        courier.start()
    while not is_ending():
        time.sleep(LOOK_S)
        if dead := [courier.name for courier in couriers.values() if not courier.is_alive()]:
            logger.critical("%s ended; the process is to be started again", ", ".join(dead))
            break
    ends = time.monotonic() + JOIN_S
    for courier in couriers.values():
        courier.wake()
    for courier in couriers.values():
        courier.join(max(0.0, ends - time.monotonic()))
    found.close()
    connections.close_all()


def converge(found: Broker, *, until: Callable[[], bool]) -> bool:
    """Make the broker's log and consumers as the composed modules declare them; returns whether that was done."""
    pause = threading.Event()
    while not until():
        try:
            found.converge(consumers())
        except BrokerError as error:
            logger.warning("messages wait: %s", error)
            pause.wait(AGAIN_S)
        else:
            return True
    return False
