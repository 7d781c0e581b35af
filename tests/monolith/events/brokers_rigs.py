"""Brokers to test against: a NATS server of our own, the test database, and the memory of this process."""

from typing import Any, Final, Protocol
from uuid import uuid4

from monolith.composition import composed
from monolith.embedded import PostgresCluster
from monolith.events.broker import Broker
from monolith.events.brokers import open_broker
from monolith.testing.memory_broker import MemoryBroker
from tests.nats_server import NatsServer

ROOMY: Final = 100_000_000  # bytes


class Rig(Protocol):
    """One kind of broker, as tests get at it."""

    kind: str

    def open(self, **changed: Any) -> Broker:
        """Return a broker of this rig, with some of its options changed."""
        ...


class ServerRig(Rig, Protocol):
    """One kind of broker that other processes get at as well."""

    def options(self, **changed: Any) -> dict[str, Any]:
        """Return the arguments of open_broker(), with some of them changed."""
        ...


class _ServerRig:
    def options(self, **changed: Any) -> dict[str, Any]:
        raise NotImplementedError

    def open(self, **changed: Any) -> Broker:
        options = self.options(**changed)
        return open_broker(options.pop("url"), **options)


class NatsRig(_ServerRig):
    """An environment of its own on a NATS server."""

    kind = "nats"

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self._environment = f"test-{uuid4().hex[:12]}"

    def options(self, **changed: Any) -> dict[str, Any]:
        return {"url": self.server.url, "environment": self._environment, "max_bytes": ROOMY} | changed


class PostgresqlRig(_ServerRig):
    """An environment of its own in the test database."""

    kind = "postgresql"

    def __init__(self, cluster: PostgresCluster, database: str) -> None:
        self.cluster = cluster
        self.database = database
        self._environment = f"test-{uuid4().hex[:12]}"

    def options(self, **changed: Any) -> dict[str, Any]:
        return {
            "url": self.cluster.url(self.database),
            "environment": self._environment,
            "role": composed().roles.rw("broker"),
            "passfile": str(self.cluster.passfile("private")),
            "max_bytes": ROOMY,
        } | changed


class MemoryRig:
    """One broker for each environment, in the memory of this process."""

    kind = "memory"

    def __init__(self) -> None:
        self._brokers: dict[str, MemoryBroker] = {}

    def open(self, **changed: Any) -> Broker:
        made = MemoryBroker(changed.get("max_bytes", ROOMY))
        return self._brokers.setdefault(changed.get("environment", "test"), made)
