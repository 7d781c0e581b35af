"""Cancelling a call by a message of its own, as clients of the revisions before 2026-07-28 do.

Such a message names a request by the number that its client gave it, and every client begins with the same numbers. So
each `initialize` is answered with the name of a session, which clients send along from then on. A session is no more
than that name; which calls of it are under way is known to the process that answers them. Later revisions close the
connection instead, which `bridge` notices.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

from pydantic_core import from_json

from monolith.tools.bridge import Exchange
from monolith.tools.tokens import Identity

type Name = tuple[UUID, str, str]  # token, session, number of the request

BYTES: Final = 16
_under_way: WeakValueDictionary[Name, Exchange] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as cancelling and its way through the protocol's server go."""

    token: UUID
    session: str
    message: Mapping[str, Any]

    @property
    def begins(self) -> bool:
        """Say whether it begins a session."""
        return self.message.get("method") == "initialize"

    @property
    def wants_progress(self) -> bool:
        """Say whether it asks to hear how far it is."""
        match self.message.get("params"):
            case {"_meta": {"progressToken": _}}:
                return True
        return False

    def remember(self, exchange: Exchange) -> None:
        """Let this request be cancelled for as long as its answer is taken."""
        if self.session and "id" in self.message:
            _under_way[self.token, self.session, str(self.message["id"])] = exchange

    def cancel_named(self) -> None:
        """Cancel the request that this message names, if it names one of the same token and session."""
        parameters = self.message.get("params")
        if self.message.get("method") != "notifications/cancelled" or not isinstance(parameters, Mapping):
            return
        exchange = _under_way.get((self.token, self.session, str(parameters.get("requestId"))))
        if exchange is not None:
            exchange.cancel()


def read(identity: Identity, session: str, body: bytes) -> Asked:
    """Return what a request asks; what cannot be read cancels nothing, and the protocol's server says what is wrong."""
    try:
        message = from_json(body)  # as the SDK reads it
    except ValueError:
        message = None
    return Asked(identity.id, session, message if isinstance(message, Mapping) else {})


def new_session() -> str:
    """Return a name for a session."""
    return secrets.token_urlsafe(BYTES)
