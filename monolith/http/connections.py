"""Kept connections that the server has ended are closed when a request starts; those of pools are given back early."""

from typing import Any, Final

from django.core.signals import request_started
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from monolith.liveness import has_ended

WATCH: Final = "monolith.http.connections"


def close_dead_connections(**_: Any) -> None:
    """Close this thread's kept connections that the server has ended; Django opens new ones on demand."""
    for connection in connections.all(initialized_only=True):
        if is_dead(connection):
            connection.close()


def is_dead(connection: BaseDatabaseWrapper) -> bool:
    """Say whether this thread keeps a connection that the server has ended."""
    raw = connection.connection
    # A pool's connections are not kept by the thread, and one inside a transaction is not idle.
    if raw is None or connection.in_atomic_block or connection.settings_dict["OPTIONS"].get("pool"):
        return False
    return has_ended(raw)


def give_back_connections() -> None:
    """Give back what this thread has of pools, before it waits for somebody else; one in a transaction it keeps."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
            connection.close()


def keep_open(number: int) -> None:
    """Have so many connections of each pool open from now on; the pools make them meanwhile, in their own threads."""
    for connection in connections.all():
        if pool := getattr(connection, "pool", None):
            pool.open()
            # It would add them to those there are, past its maximum; a pool that is in use needs none.
            if pool.get_stats().get("pool_size", 0) + number <= pool.max_size:
                pool.resize(number, pool.max_size)


def watch_connections() -> None:
    """Look at kept connections at the start of every request."""
    request_started.connect(close_dead_connections, dispatch_uid=WATCH)
