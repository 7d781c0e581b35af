"""Who to be at a broker, as MONOLITH_BROKER_CREDENTIALS says it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from monolith.events.errors import BrokerRefused

_CREDS_MARK: Final = "-----BEGIN NATS USER JWT-----"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with a password, or the path of a NATS credentials file; neither for a broker that asks for nothing."""

    user: str = ""
    password: str = field(default="", repr=False)
    creds_file: str = ""


def read_credentials(path: str) -> Credentials:
    """Return what a credentials file says: a NATS .creds file, or two lines, the user and the password.

    An empty path says nothing. Raises BrokerRefused, without the file's text, when it cannot be read as either.
    """
    if not path:
        return Credentials()
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BrokerRefused(
            f"the broker's credentials {path} cannot be read ({type(error).__name__})"
        ) from None
    if _CREDS_MARK in text:
        return Credentials(creds_file=path)
    match text.splitlines():
        case [user, password] if user and password:
            return Credentials(user=user, password=password)
    raise BrokerRefused(
        f"{path} is neither a NATS credentials file (.creds) nor two lines, the user and the password; name such a "
        "file in MONOLITH_BROKER_CREDENTIALS"
    )
