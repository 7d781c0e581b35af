"""Events and commands: what modules tell each other by way of a broker. `docs/how-to/events.md` shows them."""

from monolith.events.errors import (
    BrokerError,
    BrokerFull,
    BrokerRefused,
    BrokerUnavailable,
    MessageTooLarge,
    MessagingError,
    NotAPublisher,
    OutsideTransaction,
)
from monolith.events.publishing import cancel, publish, publish_all, reschedule, send
from monolith.events.subscriber import Subscriber, subscriber

__all__ = [
    "BrokerError",
    "BrokerFull",
    "BrokerRefused",
    "BrokerUnavailable",
    "MessageTooLarge",
    "MessagingError",
    "NotAPublisher",
    "OutsideTransaction",
    "Subscriber",
    "cancel",
    "publish",
    "publish_all",
    "reschedule",
    "send",
    "subscriber",
]
