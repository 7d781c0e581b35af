"""Sessions that wait for a lock, as tests of what happens at the same time wait for them."""

import time
from typing import Final

from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection

WAITING: Final = """
SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE %s
LIMIT 1
"""
WAIT_S: Final = 20.0


def wait_until_one_waits(cluster: PostgresCluster, database: str, table: str) -> None:
    """Return once a statement that names a table waits for a lock."""
    ends = time.monotonic() + WAIT_S
    with admin_connection(cluster, database) as connection:
        while connection.execute(WAITING, [f"%{table}%"]).fetchone() is None:
            assert time.monotonic() < ends, f"nobody came to wait for {table}"
            time.sleep(0.02)  # PostgreSQL tells nobody that a session waits
