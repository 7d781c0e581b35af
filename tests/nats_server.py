"""A NATS server with JetStream on a port of its own, which a test may kill and start again on the same data."""

import json
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from monolith.embedded.port import free_port

PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "nats-server"
START_S: Final = 10


class NatsServer:
    """The server; its configuration, its data and its log are in a directory."""

    def __init__(self, directory: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.port: Final = free_port()
        self._log = directory / "nats.log"
        self._data = directory / "nats"
        self._configuration = directory / "nats.conf"
        self._process: subprocess.Popen[bytes] | None = None
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "jetstream": {
                "store_dir": str(self._data),
                "sync_interval": "always",
            },  # as the embedded one has it
            **(settings or {}),
        }
        self._configuration.write_text(json.dumps(settings))

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on the data that it has, and wait until it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-c", self._configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + START_S
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise TimeoutError(f"the NATS server does not answer:\n{self._log.read_text()}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def erase(self) -> None:
        """Forget all that it kept; to be called once it has ended. The log stays."""
        shutil.rmtree(self._data, ignore_errors=True)

    def _answers(self) -> bool:
        # The first line comes once it takes connections, and JetStream is ready before that.
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False


@contextmanager
def nats_server(directory: Path, settings: Mapping[str, Any] | None = None) -> Iterator[NatsServer]:
    """Run a NATS server for as long as the block lasts; its data go with it."""
    server = NatsServer(directory, settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.erase()
