"""Brokers to test against: a NATS server of our own, the test database, and the memory of this process."""

import json
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import uuid4

from monolith.composition import composed
from monolith.embedded import PostgresCluster
from monolith.events.broker import Broker
from monolith.events.brokers import open_broker
from monolith.testing.memory_broker import MemoryBroker

NATS_PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "nats-server"
START_S: Final = 10
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


class NatsServer:
    """A NATS server that a test may kill and start again on the same data."""

    def __init__(self, directory: Path, extra: Mapping[str, Any] | None = None) -> None:
        self.directory = directory
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "jetstream": {"store_dir": str(directory / "data")},
            **(extra or {}),
        }
        self._configuration = directory / "nats.conf"
        self._configuration.write_text(json.dumps(settings))

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [NATS_PROGRAM, "-c", self._configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < until, (self.directory / "log").read_text()
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a power cut of its process would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def _answers(self) -> bool:
        # The first line comes once it takes connections, and JetStream is ready before that.
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False


@contextmanager
def nats_server(directory: Path, extra: Mapping[str, Any] | None = None) -> Iterator[NatsServer]:
    """Run a NATS server for as long as the block lasts."""
    server = NatsServer(directory, extra)
    server.start()
    try:
        yield server
    finally:
        server.stop()


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


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])
