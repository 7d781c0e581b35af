"""The store of this process: ClickHouse where MONOLITH_ANALYTICS_URL names a server, PostgreSQL otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager

from apps.home.samples import clickhouse
from apps.home.samples.port import SampleStore
from apps.home.samples.postgres import PostgresSamples
from monolith import composed


@contextmanager
def sample_store() -> Iterator[SampleStore]:
    """Open the store and close it afterwards. Raises SampleStoreError when it does not answer."""
    server = composed().analytics_server("home")
    store: SampleStore = PostgresSamples() if server is None else clickhouse.connect(server)
    try:
        yield store
    finally:
        store.close()
