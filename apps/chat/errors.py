"""What can go wrong in chat, each with what to do about it.

ChatError
├── ChannelNotFoundError        no channel has that slug
├── ChannelExistsError          a channel has that slug already
├── ChannelArchivedError        nothing is posted there any more
├── MessageNotFoundError        the channel has no such message
├── MessageConflictError        the external id stands for other words
├── ChatDeniedError             compliance does not let someone write
├── LockedOutError              somebody's trust is too low to write
├── ResponderError              no answer came
│   ├── ResponderTimeoutError   not in time
│   ├── ResponderBusyError      too many answers are being made
│   └── NonsenseError           what came is no answer to rely on
├── DeliveryNotFoundError       no delivery has that number
├── DeliveryDecidedError        there is nothing to decide about a delivery
├── DeliveryConflictError       the dedupe key stands for another delivery
├── UnknownTargetError          there is no such place to send to
├── ReminderNotFoundError       nobody's, or somebody else's
└── ReminderOverError           it was handed on, or cancelled
"""

from collections.abc import Iterable


class ChatError(Exception):
    """Base of every error that chat raises."""


class ChannelNotFoundError(ChatError):
    """No channel has that slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"No channel is called '{slug}'. GET /api/chat/channels lists them.")


class ChannelExistsError(ChatError):
    """A channel has that slug already."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"There is a channel called '{slug}'. Use it, or give this one another slug.")


class ChannelArchivedError(ChatError):
    """Nothing is posted there any more."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"Channel '{slug}' is archived: it can be read only. Post to another one.")


class MessageNotFoundError(ChatError):
    """The channel has no such message."""

    def __init__(self, slug: str, message: int) -> None:
        super().__init__(f"Channel '{slug}' has no message {message}.")


class MessageConflictError(ChatError):
    """The external id stands for other words."""

    def __init__(self, external_id: str, message: int) -> None:
        self.message = message
        super().__init__(
            f"External id '{external_id}' is that of message {message}, which says something else or is somebody "
            f"else's. Give other words another id."
        )


class ChatDeniedError(ChatError):
    """Compliance does not let someone write; `missing` says what would let them."""

    def __init__(self, subject: str, action: str, resource: str, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(f"{subject} may not {action} on {resource}. Missing: {'; '.join(missing)}.")


class LockedOutError(ChatError):
    """Somebody's trust is too low to write."""

    def __init__(self, subject: str, score: int, needed: int) -> None:
        self.score = score
        super().__init__(
            f"The trust of {subject} is {score} and writing takes {needed}. It grows by the day."
        )


class ResponderError(ChatError):
    """No answer came; the class says why. `kind` is kept with the message."""

    kind = "failed"


class ResponderTimeoutError(ResponderError):
    """No answer came in time."""

    kind = "timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"It took longer than {seconds:g} seconds.")


class ResponderBusyError(ResponderError):
    """Too many answers are being made."""

    kind = "busy"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} answers are being made, which is the most. Ask again in a moment.")


class NonsenseError(ResponderError):
    """What came is no answer to rely on."""

    kind = "nonsense"


class DeliveryNotFoundError(ChatError):
    """No delivery has that number."""

    def __init__(self, delivery: int) -> None:
        super().__init__(f"There is no delivery {delivery}. GET /api/chat/deliveries lists them.")


class DeliveryDecidedError(ChatError):
    """There is nothing to decide about a delivery."""

    def __init__(self, delivery: int, status: str) -> None:
        self.status = status
        super().__init__(f"Delivery {delivery} is {status}; only an uncertain one waits for a decision.")


class DeliveryConflictError(ChatError):
    """The dedupe key stands for another delivery."""

    def __init__(self, dedupe_key: str, delivery: int) -> None:
        self.delivery = delivery
        super().__init__(
            f"Key '{dedupe_key}' is that of delivery {delivery}, which says or goes elsewhere, or is somebody's."
        )


class UnknownTargetError(ChatError):
    """There is no such place to send to."""

    def __init__(self, sender: str, target: str, known: Iterable[str]) -> None:
        super().__init__(f"{sender} knows no '{target}'; known: {', '.join(sorted(known)) or 'none'}.")


class ReminderNotFoundError(ChatError):
    """Nobody's, or somebody else's."""

    def __init__(self, reminder: int) -> None:
        super().__init__(f"You have no reminder {reminder}.")


class ReminderOverError(ChatError):
    """It was handed on, or cancelled."""

    def __init__(self, reminder: int, status: str) -> None:
        super().__init__(
            f"Reminder {reminder} is {status.replace('_', ' ')}; only a waiting one can be cancelled."
        )
