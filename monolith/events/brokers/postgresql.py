"""The broker that is a schema of a PostgreSQL database."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from monolith.environment import connection_parameters
from monolith.events.broker import CLAIM_ATTEMPTS, CLAIMS_KEPT, Outgoing, batches, contended
from monolith.events.brokers.credentials import Credentials
from monolith.events.brokers.forks import renew_after_fork
from monolith.events.brokers.postgresql_connections import Connection, Connections, query
from monolith.events.brokers.postgresql_reader import FORGET, FORGET_AT_ONCE, Names, PostgresqlReader
from monolith.events.errors import BrokerError, BrokerFull, BrokerRefused

OVERHEAD: Final = (
    256  # bytes that a message counts for beyond its body: the row's head, its id and three indexes
)
_MAKE_LOG: Final = query("make_log")
_LOCK: Final = query("lock_log")
_APPEND: Final = query("append")
_CONSUMERS: Final = query("consumers")
_MAKE_CONSUMER: Final = query("make_consumer")
_REMOVE_CONSUMER: Final = query("remove_consumer")
_BACKLOG: Final = query("backlog")
_CLAIM: Final = query("claim")
_FORGET_CLAIMS: Final = query("forget_claims")
_RELEASE: Final = query("release")


class PostgresqlBroker:
    """A log in schema `broker`, written by one transaction at a time and read by position.

    Nothing in it needs a session, so that it works behind a pooler in transaction mode; there readers look for
    messages five times a second, where a direct connection wakes them.
    """

    def __init__(
        self,
        url: str,
        *,
        environment: str,
        credentials: Credentials,
        role: str,
        passfile: str = "",
        max_bytes: int,
    ) -> None:
        """Remember where the database is; the first use connects. Raises BrokerRefused for an address that is none."""
        self._names = Names(environment)
        self._max_bytes = max_bytes
        self._connections = Connections(_parameters(url, credentials, role, passfile))
        renew_after_fork(self)

    def converge(self, consumers: Mapping[str, Sequence[str]], *, narrow: bool = False) -> None:
        with self._connections.lent() as connection, connection.transaction():
            connection.execute(_MAKE_LOG, self._names.known)
            self._lock(connection)
            found = {name: set(types) for name, types in connection.execute(_CONSUMERS, self._names.known)}
            for name, types in consumers.items():
                wanted = set(types) if narrow else set(types) | found.get(name, set())
                self._settle(connection, name, found.get(name), wanted)
            dropped = set().union(*found.values()) if narrow else set()
        self._forget(sorted(dropped))

    def publish(self, messages: Sequence[Outgoing]) -> int:
        kept = 0
        for part in batches(messages):
            try:
                now = self._append(part) or self._append_after_forgetting(part)
            except BrokerError:
                if not kept:
                    raise
                break
            kept += now
            if now < len(part):
                break
        if messages and not kept:
            raise BrokerFull(
                f"the PostgreSQL broker holds as much as it may ({self._max_bytes:,} bytes, by "
                "MONOLITH_BROKER_MAX_BYTES); it takes more when consumers have caught up"
            )
        return kept

    def reader(self, consumer: str) -> PostgresqlReader:
        return PostgresqlReader(self._connections, self._names, consumer)

    def consumers(self) -> Sequence[str]:
        with self._connections.lent() as connection:
            return sorted(name for name, _ in connection.execute(_CONSUMERS, self._names.known))

    def backlog(self, consumer: str) -> int:
        with self._connections.lent() as connection:
            found = connection.execute(_BACKLOG, self._names.of(consumer)).fetchone()
        if found is None:
            raise self._names.unknown(consumer)
        return int(found[0])

    def claim(self, name: str, *, holder: str, ttl: timedelta | None = None) -> str:
        question = self._names.known | {"name": name, "holder": holder, "length": ttl or CLAIMS_KEPT}
        with self._connections.lent() as connection:
            connection.execute(_FORGET_CLAIMS)
            for _ in range(CLAIM_ATTEMPTS):
                found = connection.execute(_CLAIM, question).fetchone()
                if found and found[0] is not None:
                    return str(found[0])
        raise contended(name)

    def release(self, name: str, *, holder: str) -> None:
        with self._connections.lent() as connection:
            connection.execute(_RELEASE, self._names.known | {"name": name, "holder": holder})

    def close(self) -> None:
        self._connections.close()

    def renew(self) -> None:
        self._connections.renew()

    def _append(self, messages: Sequence[Outgoing]) -> int:
        batch = self._names.known | {
            "ids": [message.id for message in messages],
            "types": [message.type for message in messages],
            "bodies": [message.body for message in messages],
            "overhead": OVERHEAD,
            "max_bytes": self._max_bytes,
            "channel": self._names.channel,
        }
        with self._connections.lent() as connection, connection.transaction():
            self._lock(connection)
            found = connection.execute(_APPEND, batch).fetchone()
        return int(found[0]) if found else 0

    def _append_after_forgetting(self, messages: Sequence[Outgoing]) -> int:
        # Readers delete what all have acknowledged, now and then; one that stopped meanwhile has left some.
        with self._connections.lent() as connection:
            wanted = [types for _, types in connection.execute(_CONSUMERS, self._names.known)]
        self._forget(sorted(set().union(*wanted)))
        return self._append(messages)

    def _lock(self, connection: Connection) -> None:
        if connection.execute(_LOCK, self._names.known).fetchone() is None:
            raise BrokerRefused(
                f"the PostgreSQL broker has no log of the environment '{self._names.environment}'; "
                "`manage.py events converge` makes it"
            )

    def _settle(self, connection: Connection, name: str, found: set[str] | None, wanted: set[str]) -> None:
        if wanted and wanted != found:
            connection.execute(_MAKE_CONSUMER, self._names.of(name) | {"types": sorted(wanted)})
        elif found is not None and not wanted:
            connection.execute(_REMOVE_CONSUMER, self._names.of(name))

    def _forget(self, types: Sequence[str]) -> None:
        """Delete what nobody wants any more of some types."""
        question = self._names.of("") | {"types": types, "limit": FORGET_AT_ONCE}
        deleted = FORGET_AT_ONCE if types else 0
        while deleted == FORGET_AT_ONCE:
            with self._connections.lent() as connection:
                found = connection.execute(FORGET, question).fetchone()
            deleted = int(found[0]) if found else 0


def _parameters(url: str, credentials: Credentials, role: str, passfile: str) -> dict[str, Any]:
    if credentials.creds_file:
        raise BrokerRefused(
            f"{credentials.creds_file} is a NATS credentials file, and the broker is PostgreSQL; name a file of two "
            "lines, the user and the password, or none and use PGPASSFILE"
        )
    try:
        parameters: dict[str, Any] = dict(connection_parameters(url))
    except ValueError as error:
        raise BrokerRefused(f"MONOLITH_BROKER_URL: {error}") from None
    parameters["user"] = credentials.user or role
    if credentials.password:
        parameters["password"] = credentials.password
    elif passfile:
        parameters["passfile"] = passfile
    return parameters
