"""A module's way through the log of a PostgreSQL broker."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from psycopg.sql import SQL, Identifier

from monolith.events.broker import Delivery, tell_of_gap
from monolith.events.brokers.postgresql_connections import (
    Connection,
    Connections,
    as_broker_error,
    query,
)
from monolith.events.errors import BrokerError, BrokerRefused, OutOfStep

FORGET: Final = query("forget")
FORGET_AT_ONCE: Final = 5_000  # rows that one statement deletes; more holds their locks for longer
_FORGET_AFTER: Final = 1_000  # acknowledged positions
_FORGET_EVERY_S: Final = 1.0
_FETCH_BYTES: Final = 8 * 1024 * 1024  # of what one fetch returns
_LOOK_S: Final = 0.2  # where notifications do not arrive, as behind a pooler: how late a message may be seen
_LOOK_ANYWAY_S: Final = 2.0  # where they do; one that was lost delays its message by this at most
_LOG: Final = query("look_at_log")
_FLOOR: Final = query("floor")
_TAKE_OVER: Final = query("take_over")
_FETCH: Final = query("fetch")
_ACKNOWLEDGE: Final = query("acknowledge")


@dataclass(frozen=True, slots=True)
class Names:
    """How the rows of one environment are known."""

    environment: str

    @property
    def known(self) -> dict[str, Any]:
        return {"environment": self.environment}

    def of(self, consumer: str) -> dict[str, Any]:
        return {"environment": self.environment, "consumer": consumer}

    @property
    def channel(self) -> str:
        return f"monolith_broker_{self.environment}"

    def unknown(self, consumer: str) -> BrokerRefused:
        return BrokerRefused(
            f"the PostgreSQL broker has no consumer '{consumer}' in the environment '{self.environment}'; "
            "`manage.py events converge` makes it"
        )


class PostgresqlReader:
    """The reader of one consumer, with a connection of its own to be woken by."""

    def __init__(self, connections: Connections, names: Names, consumer: str) -> None:
        """See which log this is. Raises BrokerError."""
        self._connections = connections
        self._names = names
        self._consumer = consumer
        self._connection: Connection | None = None
        self._reader = uuid4()
        self._after: int | None = None
        self._is_woken = False  # notifications arrive
        self._acknowledged = 0
        self._forgotten = 0
        self._forgotten_at = 0.0
        with connections.lent() as connection:
            self._stream, _ = self._log(connection)

    @property
    def stream(self) -> str:
        return self._stream

    def start_after(self, position: int) -> None:
        self.close()
        self._connection = connection = self._connections.open_for_reader()
        with as_broker_error():
            stream, last = self._log(connection)
            if stream != self._stream:
                self._stream = stream
                raise OutOfStep(
                    f"the log was made anew and is {stream} now; positions of the old one mean nothing in it"
                )
            if position > last:
                raise BrokerRefused(
                    f"'{self._consumer}' has read up to {position:,}, and the log ends at {last:,}: it is an older "
                    "copy. Nothing is read until the newer one is back, or `manage.py events position --module "
                    f"{self._consumer} --set {last}` gives up what is missing"
                )
            connection.execute(SQL("LISTEN {}").format(Identifier(self._names.channel)))
            self._reader = uuid4()
            mine = self._names.of(self._consumer) | {"reader": self._reader, "position": position}
            floor = connection.execute(_FLOOR, mine).fetchone()
            if connection.execute(_TAKE_OVER, mine).fetchone() is None:
                raise self._names.unknown(self._consumer)
        if floor and floor[0] > position:
            tell_of_gap(self._consumer, position, floor[0])
        self._after = position
        self._acknowledged = self._forgotten = position

    def fetch(self, *, limit: int, wait_s: float) -> Sequence[Delivery]:
        until = time.monotonic() + wait_s
        was_told = True
        while True:
            connection, found = self._found(limit)
            if found:
                self._is_woken = self._is_woken and was_told
                return found
            left = until - time.monotonic()
            if left <= 0:
                return found
            self._forget(connection)
            was_told = self._wait(connection, left)

    def acknowledge(self, position: int) -> None:
        if self._connection is None or position <= self._acknowledged:
            return
        try:
            with as_broker_error():
                mine = self._names.of(self._consumer)
                self._connection.execute(_ACKNOWLEDGE, mine | {"position": position})
                self._acknowledged = position
                self._forget(self._connection)
        except BrokerError:
            # What is not acknowledged is kept longer; that the connection is gone is told by the next fetch.
            return

    def close(self) -> None:
        self._after = None
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.close_for_reader(connection)

    def _log(self, connection: Connection) -> tuple[str, int]:
        found = connection.execute(_LOG, self._names.known).fetchone()
        if found is None:
            raise self._names.unknown(self._consumer)
        made, last = found
        return f"{self._names.environment}@{made}", int(last)

    def _found(self, limit: int) -> tuple[Connection, list[Delivery]]:
        connection, after = self._connection, self._after
        if connection is None or after is None:
            raise OutOfStep(f"the reader of '{self._consumer}' has not begun; call start_after()")
        question = self._names.of(self._consumer) | {
            "reader": self._reader,
            "after": after,
            "limit": limit,
            "max_bytes": _FETCH_BYTES,
        }
        with as_broker_error():
            rows = connection.execute(_FETCH, question, binary=True).fetchall()
        if not rows or not rows[0][0]:
            raise OutOfStep(f"another reader reads as '{self._consumer}' now, or it was removed")
        found = [
            Delivery(position, body, kind) for _, _, position, body, kind in rows if position is not None
        ]
        # Nothing up to the log's end is for this consumer: the next look begins there.
        self._after = found[-1].position if found else max(after, rows[0][1])
        return connection, found

    def _wait(self, connection: Connection, at_most_s: float) -> bool:
        """Wait until something may have come; say whether a notification said so."""
        look_s = _LOOK_ANYWAY_S if self._is_woken else _LOOK_S
        with as_broker_error():
            for _ in connection.notifies(timeout=min(at_most_s, look_s), stop_after=1):
                self._is_woken = True
                return True
        return False

    def _forget(self, connection: Connection) -> None:
        now = time.monotonic()
        ahead = self._acknowledged - self._forgotten
        is_due = ahead >= _FORGET_AFTER or (ahead and now - self._forgotten_at >= _FORGET_EVERY_S)
        if not is_due:
            return
        question = self._names.of(self._consumer) | {"types": [], "limit": FORGET_AT_ONCE}
        with as_broker_error():
            found = connection.execute(FORGET, question).fetchone()
        self._forgotten_at = now
        if found is None or found[0] < FORGET_AT_ONCE:
            self._forgotten = self._acknowledged
