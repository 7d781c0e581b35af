"""Has the server ended an idle connection? Answered without asking it.

A libpq socket that is readable while nothing was asked holds the server's farewell or its end of file.
Looking costs microseconds, where `SELECT 1` costs a round trip. Settings import this: it needs no Django.
"""

import select
from typing import Any

import psycopg


def has_ended(connection: psycopg.Connection[Any]) -> bool:
    """Say whether an idle connection has something to read, and so is of no more use."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
    return bool(poll.poll(0))


def refuse_ended(connection: psycopg.Connection[Any]) -> None:
    """Check a connection before a pool hands it out; raises OperationalError when the server has ended it."""
    if not has_ended(connection):
        return
    connection.close()  # libpq has not read the farewell yet: unclosed, the pool would take it for a good one
    if pool := getattr(connection, "_pool", None):
        # Its neighbours have most likely ended too, and psycopg_pool waits longer after each bad one it meets.
        pool.drain()
    raise psycopg.OperationalError("the server has ended this connection")
