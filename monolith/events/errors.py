"""Every error that publishing, sending and handling messages can end with.

MessagingError
├── OutsideTransaction      publish() or send() without an open transaction of the current module
├── MessageTooLarge         larger than a broker takes
├── NotAPublisher           the current module may not publish this event
├── PlatformPublishes       no module is entered
├── BrokerError             the broker cannot be used now; nothing is lost, what waits goes later
│   ├── BrokerUnavailable   not reached, or it did not confirm
│   ├── BrokerFull          it holds as much as it may until consumers have caught up
│   └── BrokerRefused       it will not take or give this: credentials, an old server, a stream that another made
└── OutOfStep               a reader missed something, or another read in its place; it has to begin again
"""

from monolith.errors import MonolithError


class MessagingError(MonolithError):
    """Base of what publishing and handling messages can end with."""


class OutsideTransaction(MessagingError):
    """A message was published without an open transaction."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(
            f"{name} was published outside a transaction of '{module}'. Publish inside `with atomic():` of monolith, "
            "together with the rows it tells about: the message commits or vanishes with them."
        )


class MessageTooLarge(MessagingError):
    """A message is larger than a broker takes."""

    def __init__(self, name: str, size: int, limit: int) -> None:
        super().__init__(
            f"{name} has {size:,} bytes, and a message at most {limit:,}; publish the id of what is large, and let "
            "subscribers ask for it"
        )


class NotAPublisher(MessagingError):
    """An event was published by another module than the one whose contract declares it."""

    def __init__(self, name: str, owner: str, current: str) -> None:
        super().__init__(
            f"{name} belongs to '{owner}', and '{current}' was to publish it. Publish an event of its own contract, "
            f"or send '{owner}' a command."
        )


class PlatformPublishes(MessagingError):
    """A message was published by code that runs as no module."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} was to be published by the platform, which has no outbox. Run the code as a module: "
            "`with entering('…'):`."
        )


class BrokerError(MessagingError):
    """The broker cannot be used now; messages wait in the outbox, and nothing is lost."""


class BrokerUnavailable(BrokerError):
    """The broker was not reached, or did not confirm in time."""


class BrokerFull(BrokerError):
    """The broker holds as much as it may; it takes more when consumers have caught up."""


class BrokerRefused(BrokerError):
    """The broker will not do this as it is set up: credentials, an old server, a stream that is not ours."""


class OutOfStep(MessagingError):
    """A reader missed something, or another one read in its place; it has to begin again where it stands."""
