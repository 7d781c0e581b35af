"""Kept connections that the server has closed, found without asking it.

A libpq socket that is readable while nothing was asked holds the server's farewell or its end of file.
Looking costs microseconds, where CONN_HEALTH_CHECKS costs a round trip per request.
"""

import select
from typing import Any, Final

from django.core.signals import request_started
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

WATCH: Final = "monolith.http.connections"


def close_dead_connections(**_: Any) -> None:
    """Close this thread's kept connections that the server has ended; Django opens new ones on demand."""
    for connection in connections.all(initialized_only=True):
        if is_dead(connection):
            connection.close()


def is_dead(connection: BaseDatabaseWrapper) -> bool:
    """Say whether a kept, idle connection has something to read: the server has ended it."""
    raw = connection.connection
    # A pool's connections are not kept by the thread, and one inside a transaction is not idle.
    if raw is None or connection.in_atomic_block or connection.settings_dict["OPTIONS"].get("pool"):
        return False
    if raw.closed:
        return True
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
    return bool(poll.poll(0))


def watch_connections() -> None:
    """Look at kept connections at the start of every request."""
    request_started.connect(close_dead_connections, dispatch_uid=WATCH)
