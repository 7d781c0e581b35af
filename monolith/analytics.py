"""Where the server for analytics is: ClickHouse, spoken to over HTTP."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

_PORTS: Final = {
    "http": 8123,
    "https": 8443,
}  # those that a ClickHouse server listens on unless told otherwise
_FORM: Final = "write http(s)://user:password@host:port/database"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsServer:
    """A ClickHouse server, and who to be there."""

    secure: bool
    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)


def read_analytics_url(url: str) -> AnalyticsServer:
    """Split the address of a ClickHouse server; user and database are both `default` where it names none.

    Raises ValueError, without the address, when it cannot be read.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its message repeats the address, and with it a password
        raise ValueError(f"not the address of a server; {_FORM}") from None
    database = unquote(parts.path.strip("/"))
    if parts.scheme not in _PORTS or not parts.hostname or "/" in database:
        raise ValueError(f"not the address of a ClickHouse server's HTTP interface; {_FORM}")
    if parts.query or parts.fragment:
        raise ValueError(f"an address with more than its database; {_FORM}")
    return AnalyticsServer(
        secure=parts.scheme == "https",
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        database=database or "default",
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
    )
