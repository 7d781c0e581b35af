"""What the tests of ships share."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from apps.ships.permission import INGEST
from monolith import entering
from monolith.contracts import forget_decisions
from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection


@pytest.fixture
def in_ships() -> Iterator[None]:
    """Run the test as the module ships."""
    with entering("ships"):
        yield


@pytest.fixture
def ingest_granted(cluster: PostgresCluster, django_db_setup: None) -> Iterator[None]:
    """Let everybody ingest; committed, so that a gate in another process sees it too."""
    forget_decisions()
    with admin_connection(cluster, connections["ships"].settings_dict["NAME"]) as connection:
        connection.execute("SET search_path = compliance")
        connection.execute("SET session_replication_role = replica")  # leaves no trace in the audit
        connection.execute(
            "INSERT INTO compliance_rule (action, resource, \"right\", notice_days, reason) VALUES (%s, '*', %s, 7, '')",
            [INGEST, INGEST],
        )
        connection.execute(
            "INSERT INTO compliance_grant (tenant, subject, \"right\", resource, reason) VALUES ('', '*', %s, '*', '')",
            [INGEST],
        )
        try:
            yield
        finally:
            connection.execute("DELETE FROM compliance_rule")
            connection.execute("DELETE FROM compliance_grant")


@pytest.fixture
def now() -> datetime:
    """A whole minute of today that leaves hours of today before it wherever possible.

    The database makes partitions around its own clock, so tests cannot choose their day.
    """
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
