"""What every embedded server has: a place, a port, a log, and a way for anybody to start and stop it at any time."""

import fcntl
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from monolith.embedded.account import Account, server_account
from monolith.embedded.kind import ServerKind
from monolith.embedded.passfile import write_private
from monolith.embedded.place import SHARED_DIRECTORIES, home_of, settle_home
from monolith.embedded.port import free_port, is_free
from monolith.embedded.processes import POLL_S, Process
from monolith.embedded.server_process import ServerProcess
from monolith.errors import EmbeddedServiceError

RETRY_S: Final = 10.0  # how long a server that ends at once is started again
RETRY_PAUSE_S: Final = 0.2
RECOVERY_S: Final = 60.0  # how long one that lives may take: after a SIGKILL it recovers its data first
ORDERLY_S: Final = 20.0  # how long a stop waits for the server to end by itself
LOG_LIMIT_BYTES: Final = 10_000_000  # a larger log becomes log.old at the next start: at most two of them


class EmbeddedServer(ABC):
    """One server with its data below a project's data directory.

    `shared` are directories to put the files into when the server's account cannot reach the project's.
    """

    kind: ClassVar[ServerKind]

    def __init__(self, directory: Path, *, shared: Sequence[Path] = SHARED_DIRECTORIES) -> None:
        self.directory = directory.resolve()
        self.shared = shared

    @property
    def name(self) -> str:
        """What people call it."""
        return self.kind.name

    # Where things are.

    @property
    def home(self) -> Path:
        """The directory of data and log; elsewhere than in `directory` when the account cannot get there."""
        return home_of(self.directory, self.kind)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def port(self) -> int:
        """The port of this server; chosen on first use and kept."""
        if (known := self._recorded_port()) is not None:
            return known
        with self._lock("port"):
            if (known := self._recorded_port()) is not None:
                return known
            return self._record_port(self._server.port or free_port())

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is, without user and password."""

    @property
    @abstractmethod
    def is_initialised(self) -> bool:
        """Whether there is a server to start; `start` makes one where there is none."""

    # Starting and stopping.

    def is_running(self) -> bool:
        """Say whether the server accepts connections."""
        return self._server.is_ready

    def start(self) -> None:
        """Start the server, initialising it when it is new; does nothing when it runs.

        Safe to call from several processes at once. Raises EmbeddedServiceError with the end of the log.
        """
        try:
            if not self.is_running():
                with self._lock("start"):
                    self._start()
            if (actual := self._server.port) and actual != self._recorded_port():
                self._record_port(actual)
        except OSError as error:
            raise EmbeddedServiceError(
                f"The embedded {self.name} in {self.directory} cannot be started by this account: {error}. "
                f"Run this as the account that owns the files, name another directory in MONOLITH_DATA_DIR, "
                f"or set {self.kind.variable}."
            ) from error

    def stop(self, timeout_s: float = ORDERLY_S) -> bool:
        """Stop the server, first orderly, then at once; returns whether one was running. Data stays.

        Raises EmbeddedServiceError when it cannot be ended.
        """
        if not self.directory.exists():
            return False
        with self._lock("start"):
            return self._server.end(timeout_s)

    def erase(self) -> None:
        """Stop the server and remove its data and passwords."""
        if not self.directory.exists():
            return
        with self._lock("start"):
            self._server.end(ORDERLY_S)
            for path in (self.home, self.directory / self.kind.folder, *self._secrets):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            (self.directory / self.kind.pointer).unlink(missing_ok=True)

    def _start(self) -> None:
        if self.is_running():
            return
        settle_home(self.directory, self.kind, self._account, self.shared)
        self._prepare()
        self._launch()

    def _launch(self) -> None:
        give_up = time.monotonic() + RETRY_S
        # What a SIGKILL left behind can hold memory or files for a while; a port can be lost to somebody else between
        # the look and the start.
        while not self._becomes_ready(self._server.process or self._spawn()):
            if time.monotonic() > give_up:
                raise EmbeddedServiceError(
                    f"{self.name} did not start. The end of {self.log}:\n{self._log_end()}"
                )
            time.sleep(RETRY_PAUSE_S)

    def _spawn(self) -> Process:
        self._server.end_leftovers()
        if not is_free(self.port):
            self._record_port(free_port())
        self._open_log()
        return Process(self._run(), self.kind.folder)

    def _becomes_ready(self, server: Process) -> bool:
        deadline = time.monotonic() + RECOVERY_S
        while not self.is_running():
            if server.ends_within(POLL_S) or time.monotonic() > deadline:
                return False
        return True

    # What differs from server to server.

    @property
    @abstractmethod
    def _server(self) -> ServerProcess:
        """The server's process, alive or not."""

    @property
    def _secrets(self) -> Sequence[Path]:
        """What belongs to the server outside its folder and goes with it."""
        return ()

    @abstractmethod
    def _prepare(self) -> None:
        """Make what the server needs to find when it starts."""

    @abstractmethod
    def _run(self) -> int:
        """Run the server's program on its port; returns the process id."""

    # Port, log, account.

    def _recorded_port(self) -> int | None:
        try:
            return int((self.directory / self.kind.folder / "port").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def _record_port(self, port: int) -> int:
        write_private(self.directory / self.kind.folder / "port", f"{port}\n")
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
        return server_account(self.data, self.kind)

    @contextmanager
    def _lock(self, purpose: str) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / f"{self.kind.folder}-{purpose}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def start_together(servers: Sequence[EmbeddedServer]) -> None:
    """Start servers at the same time.

    Raises EmbeddedServiceError, when all were tried, if one does not start.
    """
    if len(servers) == 1:
        servers[0].start()
        return
    with ThreadPoolExecutor(max_workers=max(len(servers), 1)) as pool:
        for started in [pool.submit(server.start) for server in servers]:
            started.result()
