"""A process's connections to the PostgreSQL broker: plain ones, apart from Django's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Final

import psycopg

from monolith.events.errors import BrokerError, BrokerRefused, BrokerUnavailable

type Connection = psycopg.Connection[tuple[Any, ...]]

_QUERIES: Final = files("monolith.events.brokers") / "queries"
_CONNECT_S: Final = 5
_KEPT: Final = (
    2  # idle ones; the relay has a thread for each module, and they rarely publish in the same instant
)
# libpq tells of a refused login by its message alone.
_REFUSED: Final = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "permission denied",
    "pg_hba.conf",
)


def query(name: str) -> str:
    """Return the text of a query by the name of its file."""
    return (_QUERIES / f"{name}.sql").read_text()


class Connections:
    """Connections of one role, lent to one thread at a time."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._readers: set[Connection] = set()
        self._inherited: list[Connection] = []

    def open(self) -> Connection:
        """Return a connection of its own, in autocommit. Raises BrokerError."""
        try:
            return psycopg.connect(
                **{"connect_timeout": _CONNECT_S, "application_name": self._parameters["user"]}
                | self._parameters,
                autocommit=True,
                prepare_threshold=None,  # behind a pooler a prepared statement is another session's
            )
        except psycopg.OperationalError as error:
            raise self._not_connected(error) from None

    def open_for_reader(self) -> Connection:
        """Return a connection that stays with one reader, until close_for_reader(). Raises BrokerError."""
        connection = self.open()
        with self._lock:
            self._readers.add(connection)
        return connection

    def close_for_reader(self, connection: Connection) -> None:
        """Close a reader's connection."""
        with self._lock:
            self._readers.discard(connection)
        connection.close()

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """Lend a connection in autocommit. Raises BrokerError for what the server refuses or does not answer."""
        connection = self._taken()
        try:
            with as_broker_error():
                yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close those that are idle, and those of readers."""
        with self._lock:
            known = [*self._idle, *self._readers]
            self._idle = []
            self._readers = set()
        for connection in known:
            connection.close()

    def renew(self) -> None:
        """Begin anew in a child. The parent's are kept unused: closing them would end the parent's sessions."""
        self._lock = threading.Lock()
        self._inherited += [*self._idle, *self._readers]
        self._idle = []
        self._readers = set()

    def _taken(self) -> Connection:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self.open()
            if _lives(connection):
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not connection.closed and len(self._idle) < _KEPT:
                self._idle.append(connection)
                return
        connection.close()

    def _not_connected(self, error: psycopg.OperationalError) -> BrokerError:
        role = self._parameters["user"]
        if any(word in str(error) for word in _REFUSED):
            return BrokerRefused(
                f"the PostgreSQL broker does not let {role!r} in ({_first_line(error)}); `manage.py provision` makes "
                "the role, and PGPASSFILE or MONOLITH_BROKER_CREDENTIALS has its password"
            )
        return BrokerUnavailable(f"the PostgreSQL broker was not reached ({_first_line(error)})")


@contextmanager
def as_broker_error() -> Iterator[None]:
    """Raise what PostgreSQL refuses or does not answer as BrokerError."""
    try:
        yield
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.UndefinedTable,
        psycopg.errors.InvalidSchemaName,
    ) as error:
        raise BrokerRefused(
            f"the PostgreSQL broker is not as it should be ({_first_line(error)}); run `manage.py provision` and "
            "`manage.py migrate_schemas`"
        ) from None
    except psycopg.Error as error:
        raise BrokerUnavailable(
            f"the PostgreSQL broker did not do as asked ({type(error).__name__}: {_first_line(error)})"
        ) from None


def _lives(connection: Connection) -> bool:
    # A server that ended while the connection was idle has closed it, which reading notices without a round trip.
    try:
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return False
    return not connection.closed


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
