"""The brokers behind the seam, and how a process gets its own."""

import threading
from typing import Final

from monolith.addresses import nats_addresses
from monolith.environment import BROKER_MAX_BYTES, POSTGRESQL_SCHEMES, Environment
from monolith.events.broker import Broker
from monolith.events.brokers.credentials import read_credentials
from monolith.events.errors import BrokerRefused
from monolith.module import BROKER

_lock: Final = threading.Lock()
_own: Broker | None = None  # this process's, once it was asked for


def broker() -> Broker:
    """Return this process's broker, by the environment it was composed with; one for all its threads.

    It connects when it is first used, and anew after a loss or in a forked child. Raises BrokerRefused when the
    environment names none, or one that cannot be.
    """
    global _own
    with _lock:
        if _own is None:
            from monolith.composition import composed

            _own = broker_of(composed().environment, role=composed().roles.rw(BROKER))
        return _own


def broker_of(environment: Environment, *, role: str = f"{BROKER}_rw") -> Broker:
    """Return the broker that an environment names, as open_broker() does."""
    return open_broker(
        environment.broker_url,
        environment=environment.environment,
        credentials=environment.broker_credentials,
        replicas=environment.broker_replicas,
        max_bytes=environment.broker_max_bytes,
        role=role,
        passfile=environment.passfile,
    )


def open_broker(
    url: str,
    *,
    environment: str,
    credentials: str = "",
    replicas: int = 1,
    max_bytes: int = BROKER_MAX_BYTES,
    role: str = f"{BROKER}_rw",
    passfile: str = "",
) -> Broker:
    """Return the broker at an address, for a process that may have neither Django nor a database role.

    `url` and `credentials` (a path) are as in MONOLITH_BROKER_URL and MONOLITH_BROKER_CREDENTIALS; `role` is who to be
    at a PostgreSQL broker without credentials, its password in `passfile`, or where libpq looks. Nothing is connected
    yet. Raises BrokerRefused.
    """
    if not url:
        raise BrokerRefused(
            "no broker is named; set MONOLITH_BROKER_URL, or start the embedded one with `up`"
        )
    known = read_credentials(credentials)
    if url.startswith(POSTGRESQL_SCHEMES):
        from monolith.events.brokers.postgresql import PostgresqlBroker

        return PostgresqlBroker(
            url, environment=environment, credentials=known, role=role, passfile=passfile, max_bytes=max_bytes
        )
    from monolith.events.brokers.nats import NatsBroker

    try:
        addresses = nats_addresses(url)
    except ValueError as error:
        raise BrokerRefused(f"MONOLITH_BROKER_URL: {error}") from None
    return NatsBroker(
        addresses, environment=environment, credentials=known, replicas=replicas, max_bytes=max_bytes
    )
