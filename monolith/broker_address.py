"""What MONOLITH_BROKER_URL may say of NATS servers."""

import re
from typing import Final

MAX_PORT: Final = 65_535
_NATS: Final = re.compile(r"(nats|tls)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?")


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
    found = [match for match in matches if match and int(match[2] or 0) <= MAX_PORT]
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
