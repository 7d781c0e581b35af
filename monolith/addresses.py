"""What the environment may say of others: NATS servers, modules that run elsewhere, who stands before tools."""

import re
from typing import Final

_MAX_PORT: Final = 65_535
_NATS: Final = re.compile(r"(nats|tls)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?")
_REMOTE: Final = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?")
_WEB: Final = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def nats_addresses(url: str) -> tuple[str, ...]:
    """Split the addresses of one NATS cluster.

    Raises ValueError, without the address, when one is not `nats://host:port` or `tls://host:port` and nothing more, or
    when some are to be used with TLS and some without.
    """
    if "@" in url:
        raise ValueError(
            "holds a user or password; put them into a file and name it in MONOLITH_BROKER_CREDENTIALS"
        )
    addresses = tuple(part.strip() for part in url.split(","))
    matches = [_NATS.fullmatch(address) for address in addresses]
    found = [match for match in matches if match and int(match[2] or 0) <= _MAX_PORT]
    if len(found) < len(addresses):
        raise ValueError(
            "not the address of a broker; write nats://host:port (tls://host:port for TLS; several, with commas "
            "between them, for a cluster) or postgresql://host:port/database"
        )
    if len({match[1] for match in found}) > 1:
        raise ValueError(
            "mixes nats:// and tls://, and the servers of a cluster are all used with TLS or all without"
        )
    return addresses


def remote_origin(url: str) -> tuple[str, str, int]:
    """Split a remote module's address into scheme, host and port.

    Raises ValueError, without the address, when it is not `http(s)://host:port` and nothing more.
    """
    match = _REMOTE.fullmatch(url)
    if match is None or int(match[3] or 0) > _MAX_PORT:
        reason = "holds a user or password" if "@" in url else "not the address of a process"
        raise ValueError(f"{reason}; write http://host:port or https://host:port")
    scheme, host, port = match.groups()
    return scheme, host.strip("[]"), int(port or _DEFAULT_PORTS[scheme])


def web_address(url: str) -> str:
    """Return an address on the web as it was given.

    Raises ValueError, without the address, when it is not `http(s)://host`, with a port and a path at most.
    """
    if _WEB.fullmatch(url) is None:
        reason = "holds a user or password" if "@" in url else "not an address on the web"
        raise ValueError(f"{reason}; write https://host/path, without anything after it")
    return url
