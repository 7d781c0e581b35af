"""Everything of a project on one machine: database and broker, preparation, both tiers, jobs."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Final

from django.core.management.base import CommandError
from rich.console import Console

from monolith.composition import Composition
from monolith.embedded import (
    EmbeddedServer,
    NatsServer,
    PostgresCluster,
    data_directory,
    embedded_broker,
    embedded_database,
    start_together,
)
from monolith.profile import Profile
from monolith.serving.child import Child, ProcessSpec, is_healthy
from monolith.serving.code_changes import CodeWatcher
from monolith.serving.environments import child_environment
from monolith.serving.keeper import Keeper
from monolith.serving.lifeline import Lifeline
from monolith.serving.output import Output
from monolith.serving.ports import require_free
from monolith.serving.preparation import PreparationFile
from monolith.serving.run_state import RunFile, RunState, end_orphans, recorded
from monolith.serving.split import split
from monolith.serving.supervisor import FINAL_CODES, OWN_NAME, Supervisor

HOST: Final = "127.0.0.1"
POLL_S: Final = 0.05  # between two questions whether the servers answer yet
ONCE_TIMEOUT_S: Final = 600.0  # for a preparation; migrations of a large database take minutes
JOBS_AFTER_S: Final = 2.0  # of the servers' start, whose way to the first answer they would slow down
JOBS_GRACE_S: Final = 5.0  # for running jobs to end when `up` does
ADMIN_FILE: Final = "admin-login"
# What loading Python, Django and the apps has cost by the time this file is read; a start is measured from there.
LOADING_S: Final = time.process_time()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `up` was asked for."""

    ports: Mapping[Profile, int]
    split: Mapping[str, int] = field(default_factory=dict)  # ports of modules with a process of their own
    workers: int | None = (
        None  # that run the jobs of each private process: 0 for none, None for qcluster's default
    )
    reload: bool = False
    samples: bool = True


@dataclass(slots=True)
class Timings:
    """How long the parts of a start took, in seconds, in the order they happened."""

    parts: dict[str, float] = field(default_factory=lambda: {"loading": LOADING_S})

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.parts[name] = time.perf_counter() - started

    @property
    def total_s(self) -> float:
        return sum(self.parts.values())


class System:
    """One `up`."""

    def __init__(
        self,
        wanted: Wanted,
        *,
        environ: Mapping[str, str],
        project: Path,
        composition: Composition,
        console: Console,
    ) -> None:
        self.wanted = wanted
        self.project = project
        self.composition = composition
        self.directory = data_directory(environ, project)
        self.timings = Timings()
        self.is_first_start = False
        self._environ = _with_public_origin(environ, wanted, composition)
        self.cluster: PostgresCluster | None = embedded_database(environ, project)  # None: yours
        self.broker: NatsServer | None = embedded_broker(environ, project)  # None: yours
        self.specs = [
            self._server(profile, port) for profile, port in wanted.ports.items() if self._serves(profile)
        ]
        if wanted.split:
            alone = [replace(self._server(Profile.PRIVATE, p), name=m) for m, p in wanted.split.items()]
            self.specs = split(
                self.specs, alone, composition=composition, environ=self._environ, directory=self.directory
            )
        if wanted.workers != 0:
            self.specs += [self._jobs(spec) for spec in self.specs if spec.name != Profile.PUBLIC.value]
        self._output = Output(console, [OWN_NAME, "prepare", *(spec.name for spec in self.specs)])
        self._file = RunFile(self.directory)
        self._state = RunState(pid=os.getpid(), addresses={s.name: s.origin for s in self.servers})
        self._state_lock = threading.Lock()
        self.supervisor = Supervisor(
            self.specs,
            on_line=self._output.line,
            on_change=self._remember,
            final_codes=frozenset() if wanted.reload else FINAL_CODES,
        )

    # What there is.

    @property
    def admin_file(self) -> Path:
        """Where the admin's login is kept."""
        return self.directory / ADMIN_FILE

    @property
    def embedded(self) -> list[EmbeddedServer]:
        """The embedded servers, in the order to stop them."""
        return [server for server in (self.broker, self.cluster) if server]

    def environment(self, profile: Profile) -> dict[str, str]:
        """Return the environment for a child of `profile`."""
        modules = self.composition.declared.values()
        return child_environment(profile, self._environ, modules, directory=self.directory)

    def command(self, profile: Profile, *arguments: str, name: str = "") -> ProcessSpec:
        """Return a management command of the project, to be run as `profile`."""
        return ProcessSpec(
            name=name or arguments[0],
            command=(sys.executable, str(self.project / "manage.py"), *arguments),
            environment=self.environment(profile),
            directory=self.project,
        )

    def _serves(self, profile: Profile) -> bool:
        return any(profile.includes(module) for module in self.composition.modules.values())

    def _server(self, profile: Profile, port: int) -> ProcessSpec:
        spec = self.command(profile, "serve", "--host", HOST, "--port", str(port), name=profile.value)
        return replace(spec, health_url=f"http://{HOST}:{port}/healthz", waits_at_gate=True)

    def _jobs(self, server: ProcessSpec) -> ProcessSpec:
        """Return what runs the jobs of a private server's modules, with what that server may hold."""
        name = "jobs" if server.name == Profile.PRIVATE.value else f"{server.name} jobs"
        workers = ("--workers", str(self.wanted.workers)) if self.wanted.workers else ()
        command = (*server.command[:2], "qcluster", "--grace", str(JOBS_GRACE_S), *workers)
        return replace(
            server,
            name=name,
            command=command,
            health_url="",
            waits_at_gate=False,
            starts_after_s=JOBS_AFTER_S,
            stop_timeout_s=2 * JOBS_GRACE_S,
        )

    @property
    def servers(self) -> list[ProcessSpec]:
        """What answers requests."""
        return [spec for spec in self.specs if spec.health_url]

    # Running.

    def run(self, on_ready: Callable[[], None]) -> int:
        """Bring everything up, call `on_ready` in a thread once both tiers answer, and keep it up until told to stop.

        Returns the exit code. Raises CommandError before anything starts when another `up` runs or a port is taken.
        """
        with self._file.held(), _signals_interrupt():
            previous = self._file.read()
            for name in end_orphans(previous):
                self.say(f"ended {name}, left behind by an earlier `up` (process {previous.pid})")
            for profile, port in self.wanted.ports.items():
                require_free(HOST, port, option=f"--{profile.value}-port")
            for port in self.wanted.split.values():
                require_free(HOST, port, option="--private-port, which they follow")
            try:
                with self.timings.measured("database and broker"):
                    self._start_embedded(previous)
                with self.timings.measured("prepare"), self._loading_servers():
                    self._prepare_first()
                return self._serve(on_ready)
            finally:
                self._stop_embedded()
                self._file.remove()

    def say(self, text: str) -> None:
        """Print a line of our own."""
        self._output.line(OWN_NAME, text)

    def prepare(self, *options: str) -> None:
        """Provision, migrate and load samples in a process of its own.

        Raises CommandError when it fails.
        """
        samples = () if self.wanted.samples else ("--no-samples",)
        self.run_once(self.command(Profile.MIGRATOR, "prepare", *samples, *options))

    def run_once(self, spec: ProcessSpec, *, quiet: bool = False) -> list[str]:
        """Run a command to its end; returns its lines.

        Raises CommandError when it fails.
        """
        lines: list[str] = []

        def on_line(name: str, line: str) -> None:
            lines.append(line)
            if not quiet:
                self._output.line(name, line)

        lifeline = Lifeline()
        child = Child(spec, lifeline=lifeline, on_line=on_line, on_exit=lambda _: None)
        try:
            child.join(ONCE_TIMEOUT_S)
        finally:
            child.kill()
            child.join(ONCE_TIMEOUT_S)
            lifeline.cut()
        if child.returncode:
            shown = "\n".join(["", *lines]) if quiet else ""
            raise CommandError(f"`manage.py {spec.name}` failed with exit code {child.returncode}.{shown}")
        return lines

    def _serve(self, on_ready: Callable[[], None]) -> int:
        ended = threading.Event()
        waiter = threading.Thread(target=self._wait_until_ready, args=(ended, on_ready), daemon=True)
        keepers = [Keeper(server, say=self.say) for server in self.embedded]
        watcher = CodeWatcher(self.project, self._changed) if self.wanted.reload else None
        with self.supervisor.handling_signals():
            try:
                self.supervisor.start()
                for thread in (waiter, *keepers, watcher):
                    if thread:
                        thread.start()
                return self.supervisor.run()
            finally:
                ended.set()
                for part in (watcher, *keepers):  # first: none of them may start what is being ended
                    if part:
                        part.stop()
                self.supervisor.stop()
                self.supervisor.close()

    def _wait_until_ready(self, ended: threading.Event, on_ready: Callable[[], None]) -> None:
        with self.timings.measured("servers"):
            for spec in self.servers:
                while not is_healthy(spec):
                    if ended.wait(POLL_S):
                        return
        on_ready()

    def _changed(self, paths: list[Path]) -> None:
        shown = ", ".join(str(path.relative_to(self.project)) for path in paths[:3])
        reason = f"{shown}{' and more' if len(paths) > 3 else ''} changed"
        if any(path.name == "module.py" or "migrations" in path.parts for path in paths):
            try:
                self.prepare()
            except CommandError as error:
                self.say(str(error))
        self.supervisor.request_restart(reason)

    # Embedded servers and admin.

    def _start_embedded(self, previous: RunState) -> None:
        # What a killed `up` had started is ours to end as well.
        self._state.owned = [
            server.name
            for server in self.embedded
            if server.name in previous.owned or not server.is_running()
        ]
        self._remember({})
        start_together(self.embedded)

    def _stop_embedded(self) -> None:
        for server in self.embedded:
            if server.name in self._state.owned:
                server.stop()

    @contextmanager
    def _loading_servers(self) -> Iterator[None]:
        """Let the servers load meanwhile, where the database was prepared for this code before.

        They look at the database, and refuse what they must, when they are told to begin. Elsewhere what they load
        may not be there yet: the roles that a process of some modules finds in its password file.
        """
        if self.cluster and PreparationFile(self.cluster).is_current(self.composition.declared.values()):
            self.supervisor.start_ahead()
        try:
            yield
        except BaseException:
            self.supervisor.close()
            raise

    def _prepare_first(self) -> None:
        """Prepare, and have the admin's account made unless that was done before."""
        if self._has_admin():
            self.prepare()
            return
        before = self._kept_login()
        if self.cluster:
            self.prepare("--admin")
        else:  # the account is made with MONOLITH_SECRET_KEY, which what prepares is not given
            self.prepare()
            self.run_once(self.command(Profile.PRIVATE, "admin_login"), quiet=True)
        # Where the database had that account already, no login was written.
        self.is_first_start = self._kept_login() not in (b"", before)

    def _has_admin(self) -> bool:
        """Say whether an `up` made the account before; of a database of yours, whether its login is kept here."""
        if self.cluster:
            return PreparationFile(self.cluster).read().has_admin
        return self.admin_file.exists()

    def _kept_login(self) -> bytes:
        with suppress(FileNotFoundError):
            return self.admin_file.read_bytes()
        return b""

    def _remember(self, pids: Mapping[str, int]) -> None:
        with self._state_lock:
            self._state.processes = recorded(pids)
            self._file.write(self._state)


def _with_public_origin(
    environ: Mapping[str, str], wanted: Wanted, composition: Composition
) -> Mapping[str, str]:
    """Return the environment with the public tier's address, unless it says one itself or there is no such tier."""
    served = any(Profile.PUBLIC.includes(module) for module in composition.modules.values())
    if environ.get("MONOLITH_PUBLIC_ORIGIN") or not served:
        return environ
    return {**environ, "MONOLITH_PUBLIC_ORIGIN": f"http://{HOST}:{wanted.ports[Profile.PUBLIC]}"}


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt as Ctrl-C does, so that what was started is ended."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
