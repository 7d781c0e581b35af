"""Kept connections that the server has ended."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.core.signals import request_started
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from monolith import composed
from monolith.embedded import PostgresCluster
from monolith.http.connections import WATCH, close_dead_connections, is_dead, watch_connections
from monolith.testing.database import admin_connection

pytestmark = pytest.mark.usefixtures("committed_db")

TERMINATE = "SELECT pg_terminate_backend(%s, 5000)"  # waits up to 5 s until it is gone


@pytest.fixture
def kept() -> Iterator[BaseDatabaseWrapper]:
    """The platform's connection as a public process keeps its own: without a pool, open between requests."""
    connection = connections.create_connection("default")
    connection.settings_dict = connection.settings_dict | {
        "CONN_MAX_AGE": None,
        "OPTIONS": {k: v for k, v in connection.settings_dict["OPTIONS"].items() if k != "pool"},
    }
    pooled = connections["default"]
    connections["default"] = connection
    yield connection
    connection.close()
    connections["default"] = pooled


def backend(connection: BaseDatabaseWrapper) -> int:
    """Ask on whose backend a connection is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    assert isinstance(pid, int)
    return pid


def terminate(cluster: PostgresCluster, pid: int) -> None:
    with admin_connection(cluster) as admin:
        assert admin.execute(TERMINATE, [pid]).fetchone() == (True,)


def test_a_connection_ended_between_two_requests_costs_no_request(
    kept: BaseDatabaseWrapper, cluster: PostgresCluster
) -> None:
    first = backend(kept)
    terminate(cluster, first)
    close_dead_connections()
    assert backend(kept) != first


def test_every_request_looks_before_it_reads(kept: BaseDatabaseWrapper, cluster: PostgresCluster) -> None:
    first = backend(kept)
    terminate(cluster, first)
    watch_connections()
    try:
        request_started.send(sender=None)
    finally:
        request_started.disconnect(dispatch_uid=WATCH)
    assert backend(kept) != first


def test_without_looking_the_next_request_would_fail(
    kept: BaseDatabaseWrapper, cluster: PostgresCluster
) -> None:
    terminate(cluster, backend(kept))
    with pytest.raises(OperationalError):
        backend(kept)


def test_a_living_connection_is_kept(kept: BaseDatabaseWrapper) -> None:
    first = backend(kept)
    close_dead_connections()
    assert backend(kept) == first


def test_what_is_inside_a_transaction_is_not_touched(
    kept: BaseDatabaseWrapper, cluster: PostgresCluster
) -> None:
    with suppress(OperationalError), transaction.atomic():
        terminate(cluster, backend(kept))
        assert not is_dead(kept)


def test_a_pool_hands_out_no_connection_that_has_ended(cluster: PostgresCluster) -> None:
    assert composed().databases["default"]["OPTIONS"]["pool"]
    pooled = connections["default"]
    first = backend(pooled)
    pooled.close()  # back into the pool
    terminate(cluster, first)
    assert not is_dead(pooled)  # not the thread's business
    assert backend(pooled) != first
