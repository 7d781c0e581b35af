"""A system whose modules run in one process or in several: the same modules, placed by their environment alone."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Final

from monolith import Module
from monolith.embedded import PostgresCluster
from monolith.embedded.passfile import entries, write_passfile
from monolith.embedded.port import free_port
from tests.environment import outer_environment
from tests.served_tier import ROOT, stop, wait_until_it_answers

ANSWER_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class System:
    """Modules, and the database that is prepared for them."""

    modules: Sequence[Module]
    settings: str  # dotted name of the settings of its private tier
    cluster: PostgresCluster
    directory: Path
    telemetry_url: str
    keys: dict[str, str] = field(default_factory=dict)

    def key(self, module: str) -> str:
        """Return the key of calls to a module."""
        return self.keys.setdefault(module, secrets.token_hex(32))

    def environment(self, names: Sequence[str], remotes: Mapping[str, str], **extra: str) -> dict[str, str]:
        """Return all that a process of these modules may hold, where those run that they call elsewhere."""
        composed = [module for module in self.modules if module.name in names]
        called = {other for module in composed for other in module.requires} & remotes.keys()
        provided = {module.name for module in composed} if remotes else set()
        return {
            **outer_environment(),
            "DATABASE_URL": self.cluster.url(),
            "PGPASSFILE": str(self._passfile(names)),
            "MONOLITH_SECRET_KEY": "signs the sessions of one test",
            "MONOLITH_MODULES": ",".join(names),
            **{f"MONOLITH_REMOTE_{name.upper()}": remotes[name] for name in called},
            **{f"MONOLITH_CONTRACT_KEYS_{name.upper()}": self.key(name) for name in called | provided},
            **{secret: f"of {module.name}" for module in composed for secret in module.secrets},
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.telemetry_url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "MONOLITH_CONTRACT_TIMEOUT_S": "30",  # on a busy machine a first search takes longest: it loads a model
            **extra,
        }

    def _passfile(self, names: Sequence[str]) -> Path:
        path = self.directory / "passfiles" / f"{'-'.join(names)}.pgpass"
        roles = {f"{name}_rw" for name in ("platform", *names)}
        held = entries(self.cluster.passfile("private"))
        write_passfile(path, {role: password for role, password in held.items() if role in roles})
        return path


@dataclass(slots=True)
class Owner:
    """A process that provides a module."""

    name: str
    url: str
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path


@dataclass(slots=True)
class Caller:
    """A process that makes calls."""

    module: str  # on whose behalf
    connection: Connection
    process: "subprocess.Popen[bytes]"
    log: Path

    def on_behalf_of(self, module: str) -> "Caller":
        """Return the same process as it calls for another of its modules."""
        return replace(self, module=module)

    def run[**P, R](self, scenario: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a scenario there and return what it returns. Raises AssertionError with its traceback."""
        self.connection.send((self.module, scenario, args, kwargs))
        if not self.connection.poll(ANSWER_TIMEOUT_S):
            raise AssertionError(
                f"no answer within {ANSWER_TIMEOUT_S:.0f} s:\n{self.log.read_text()[-4000:]}"
            )
        result, failure = self.connection.recv()
        if failure:
            raise AssertionError(f"\n{failure}")
        answer: R = result
        return answer


@dataclass(slots=True)
class Placement:
    """A caller, and the processes of the modules that it calls elsewhere."""

    name: str
    system: System
    caller: Caller
    owners: dict[str, Owner]  # by module


@contextmanager
def owners(system: System, names: Sequence[str]) -> Iterator[dict[str, Owner]]:
    """Serve each module from a process of its own, with its own role, keys and secrets only, until the block ends."""
    ports = {name: free_port() for name in names}
    remotes = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    with ExitStack() as running:
        started = {
            name: running.enter_context(owner(system, name, port, remotes)) for name, port in ports.items()
        }
        for one in started.values():
            wait_until_it_answers(one.process, one.port)
        yield started
        for one in started.values():
            one.process.terminate()  # all of them at once; each is waited for below


@contextmanager
def owner(system: System, name: str, port: int, remotes: Mapping[str, str], *others: str) -> Iterator[Owner]:
    """Start to serve a module, with others where they are named, on a port; end it with the block."""
    command = [sys.executable, "manage.py", "serve", f"--settings={system.settings}", "--port", str(port)]
    with _process(system, name, command, system.environment([name, *others], remotes)) as (process, log):
        yield Owner(name, f"http://127.0.0.1:{port}", port, process, log)


@contextmanager
def caller(
    system: System, names: Sequence[str], remotes: Mapping[str, str], **extra: str
) -> Iterator[Caller]:
    """Run a process that makes calls as the first of its modules, until the block ends."""
    ours, theirs = Pipe()
    command = [sys.executable, "-m", "tests.contracts.calling", str(theirs.fileno())]
    environment = system.environment(names, remotes, **extra) | {"DJANGO_SETTINGS_MODULE": system.settings}
    with ours, ExitStack() as running:
        with theirs:
            process, log = running.enter_context(
                _process(system, "caller", command, environment, pass_fds=[theirs.fileno()])
            )
        yield Caller(names[0], ours, process, log)


@contextmanager
def _process(
    system: System, name: str, command: Sequence[str], environment: Mapping[str, str], **options: Any
) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    log = system.directory / f"{name}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **options,
        )
    try:
        yield process, log
    finally:
        stop(process)
