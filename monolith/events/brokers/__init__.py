"""The brokers behind the seam, and how a process gets its own."""

from collections.abc import Sequence
from typing import Final

from monolith.environment import POSTGRESQL_SCHEMES
from monolith.events.broker import Broker
from monolith.events.brokers.credentials import read_credentials
from monolith.events.errors import BrokerRefused
from monolith.module import BROKER

DEFAULT_MAX_BYTES: Final = 1_073_741_824  # a gibibyte, as MONOLITH_BROKER_MAX_BYTES says it
_NATS: Final = ("nats://", "tls://")

_made: dict[str, Broker] = {}  # this process's own, once it was asked for


def broker() -> Broker:
    """Return this process's broker, by the environment it was composed with; one for all its threads.

    It connects when it is first used, and anew after a loss or in a forked child. Raises BrokerRefused when the
    environment names none, or one that cannot be.
    """
    if not _made:
        from monolith.composition import composed

        environment = composed().environment
        made = open_broker(
            environment.broker_url,
            environment=environment.environment,
            credentials=environment.broker_credentials,
            replicas=environment.broker_replicas,
            max_bytes=environment.broker_max_bytes,
            role=composed().roles.rw(BROKER),
            passfile=environment.passfile,
        )
        _made.setdefault(
            "", made
        )  # of two threads that come first, one makes it; the other's has connected nothing
    return _made[""]


def open_broker(
    url: str,
    *,
    environment: str,
    credentials: str = "",
    replicas: int = 1,
    max_bytes: int = DEFAULT_MAX_BYTES,
    role: str = f"{BROKER}_rw",
    passfile: str = "",
) -> Broker:
    """Return the broker at an address, for a process that may have neither Django nor a database role.

    `url` and `credentials` (a path) are as in MONOLITH_BROKER_URL and MONOLITH_BROKER_CREDENTIALS; `role` is who to be
    at a PostgreSQL broker without credentials, its password in `passfile`, or where libpq looks. Nothing is connected
    yet. Raises BrokerRefused.
    """
    known = read_credentials(credentials)
    addresses = _addresses(url)
    if all(each.startswith(_NATS) for each in addresses):
        from monolith.events.brokers.nats import NatsBroker

        return NatsBroker(
            addresses, environment=environment, credentials=known, replicas=replicas, max_bytes=max_bytes
        )
    if len(addresses) == 1 and addresses[0].startswith(POSTGRESQL_SCHEMES):
        from monolith.events.brokers.postgresql import PostgresqlBroker

        return PostgresqlBroker(
            addresses[0],
            environment=environment,
            credentials=known,
            role=role,
            passfile=passfile,
            max_bytes=max_bytes,
        )
    raise BrokerRefused(
        "MONOLITH_BROKER_URL is neither nats://host:port (tls:// for TLS) nor postgresql://host:port/database"
    )


def _addresses(url: str) -> Sequence[str]:
    addresses = [part for part in (raw.strip() for raw in url.split(",")) if part]
    if not addresses:
        raise BrokerRefused(
            "no broker is named; set MONOLITH_BROKER_URL, or start the embedded one with `up`"
        )
    if any("@" in each for each in addresses):
        raise BrokerRefused(
            "MONOLITH_BROKER_URL holds a user or password; put them into a file and name it in "
            "MONOLITH_BROKER_CREDENTIALS"
        )
    return addresses
