"""The port that every channel sender stands behind."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Words to send. `key` is the same in each attempt."""

    key: str
    target: str
    text: str


class SendError(Exception):
    """Base of what a sender raises; whatever else it raises counts as Unknown."""


class NotSent(SendError):
    """Nothing arrived, for certain: try again later."""


class Refused(SendError):
    """Nothing arrived, and nothing will: the place does not take it."""


class Unknown(SendError):
    """It may have arrived."""


class Sender(Protocol):
    """Brings words to places of one kind."""

    @property
    def name(self) -> str:
        """What a delivery calls it."""
        ...

    def targets(self) -> Iterable[str]:
        """Return the places it knows, for whoever names another one."""
        ...

    def knows(self, target: str) -> bool:
        """Say whether there is such a place."""
        ...

    def is_idempotent(self, target: str) -> bool:
        """Say whether the same key sent twice arrives there once."""
        ...

    def send(self, outgoing: Outgoing) -> str:
        """Send, and return what the place calls it, or nothing. Raises NotSent, Refused, Unknown."""
        ...
