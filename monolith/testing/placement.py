"""Modules in processes of their own while the tests run: `pytest --place-remotely=knowledge,stars`.

Each named module, and each that one of them calls, is served by a private process with that module's role, secrets and
keys alone. Contract calls to it go there by HTTP. Everything else stays in the process of the tests: a module's own
tests still run its code where they are.

Another process sees what is committed and nothing else. So in such a run every test that uses the database commits for
real, and every table is emptied after it. Nor does it follow a test that moves the clock: meanwhile calls are answered
here, after a round trip through JSON. The end of the run says how many calls went which way.
"""

import os
import secrets
import sys
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import pytest
from django.db import connections
from pydantic import SecretStr

from monolith.composition import composed
from monolith.contracts.call import Call, Transport
from monolith.contracts.dispatcher import dispatcher
from monolith.contracts.registry import provided
from monolith.contracts.tokens import Signer
from monolith.contracts.transports.http import HttpTransport
from monolith.contracts.transports.in_process import InProcess
from monolith.contracts.transports.json_round_trip import JsonRoundTrip
from monolith.embedded import PostgresCluster
from monolith.embedded.port import free_port
from monolith.environment import listed
from monolith.profile import Profile
from monolith.project import project_directory
from monolith.serving.child import Child, ProcessSpec, is_healthy
from monolith.serving.deployables import make_keys, process_environment
from monolith.serving.lifeline import Lifeline

OPTION: Final = "--place-remotely"
START_TIMEOUT_S: Final = 120.0
CALL_TIMEOUT_S: Final = 30.0  # tests share their machine; how long calls take is not what they test
KEPT_LINES: Final = 200  # of each process, for the report of a test that fails
ARRIVING_S: Final = 0.1  # what a process wrote before it answered may still be on its way here

_COUNTS: Final = "placed_calls"

_lines: dict[str, deque[str]] = {}  # what each process wrote during the present test
_calls: Counter[tuple[str, bool]] = Counter()  # by module, and whether they went to its process


class Elsewhere:
    """By HTTP; in this process while a test has moved the clock, which the other's does not follow."""

    is_remote = True

    def __init__(self, http: HttpTransport, here: Transport) -> None:
        self._http = http
        self._here = JsonRoundTrip(here)

    def carry(self, call: Call) -> Any:
        goes = not _is_clock_moved()
        _calls[call.operation.module, goes] += 1
        return (self._http if goes else self._here).carry(call)


def _is_clock_moved() -> bool:
    time_machine: Any = sys.modules.get("time_machine")
    return time_machine is not None and bool(time_machine.escape_hatch.is_travelling())


def modules_to_place(config: pytest.Config) -> tuple[str, ...]:
    """Return the modules to be placed in processes of their own: those named, and those that they call."""
    declared = composed().declared
    found: list[str] = []
    waiting = [*listed(config.getoption(OPTION))]
    for name in waiting:
        if name not in declared:
            known = ", ".join(sorted(declared))
            raise pytest.UsageError(f"{OPTION} names {name!r}, which is not declared; known: {known}")
        if name not in found:
            found.append(name)
            waiting += declared[name].requires
    return tuple(found)


def pytest_sessionstart(session: pytest.Session) -> None:
    modules_to_place(session.config)  # a wrong name ends the run before it begins


@pytest.fixture(scope="session", autouse=True)
def placed_remotely(
    pytestconfig: pytest.Config, django_db_setup: None, cluster: PostgresCluster
) -> Iterator[Mapping[str, str]]:
    """Serve the chosen modules elsewhere until the run ends; gives their addresses."""
    names = modules_to_place(pytestconfig)
    addresses = {name: f"http://127.0.0.1:{free_port()}" for name in names}
    keys = make_keys(names, {})
    with ExitStack() as stack:
        stack.enter_context(_served([_spec(n, addresses, keys, cluster) for n in names]))
        for name in names:
            http = _transport(name, addresses[name], keys[name])
            stack.callback(http.close)
            stack.enter_context(dispatcher().placing(name, Elsewhere(http, _provider(name))))
        yield addresses


@pytest.fixture
def _django_db_helper(committed_db: None) -> None:
    """What pytest-django's marker and fixtures set a test up with: here it commits."""


def _transport(name: str, address: str, key: str) -> HttpTransport:
    concurrency = composed().environment.contract_concurrency
    signer = Signer(name, [SecretStr(key)])
    return HttpTransport(name, address, signer, timeout_s=CALL_TIMEOUT_S, concurrency=concurrency)


def _provider(name: str) -> InProcess:
    operations = provided({name: composed().declared[name]}).get(name, [])
    return InProcess({operation.label: function for operation, function in operations})


def _spec(
    name: str, addresses: Mapping[str, str], keys: Mapping[str, str], cluster: PostgresCluster
) -> ProcessSpec:
    port = addresses[name].rpartition(":")[2]
    project = project_directory()
    return ProcessSpec(
        name=name,
        command=(sys.executable, str(project / "manage.py"), "serve", "--port", port),
        environment=_environment(name, addresses, keys, cluster),
        directory=project,
        health_url=f"{addresses[name]}/healthz",
    )


def _environment(
    name: str, addresses: Mapping[str, str], keys: Mapping[str, str], cluster: PostgresCluster
) -> dict[str, str]:
    database = str(connections["default"].settings_dict["NAME"])
    environ = dict(os.environ) | {
        "DATABASE_URL": cluster.url(database),
        "PGPASSFILE": str(cluster.passfile(Profile.PRIVATE.value)),
        "MONOLITH_SECRET_KEY": secrets.token_urlsafe(48),
        "MONOLITH_CONTRACT_TIMEOUT_S": str(CALL_TIMEOUT_S),
    }
    return process_environment(
        [name],
        environ=environ,
        declared=composed().declared,
        addresses=addresses,
        keys=keys,
        directory=cluster.directory / "placed" / database / name,
    )


@contextmanager
def _served(specs: list[ProcessSpec]) -> Iterator[None]:
    """Run the processes until the block ends, however it ends; should this process be killed, they end with it."""
    lifeline = Lifeline()
    children: list[Child] = []
    try:
        for spec in specs:
            _lines[spec.name] = deque(maxlen=KEPT_LINES)
            children.append(Child(spec, lifeline=lifeline, on_line=_keep, on_exit=lambda _: None))
        for child in children:
            _wait_until_healthy(child)
        yield
    finally:
        for child in children:
            child.terminate()
        for child in children:
            if not child.join(child.spec.stop_timeout_s):
                child.kill()
                child.join(child.spec.stop_timeout_s)
        lifeline.cut()


def _keep(name: str, line: str) -> None:
    _lines[name].append(line)


def _wait_until_healthy(child: Child) -> None:
    while not is_healthy(child.spec):
        if child.join(0.05) or child.ran_for_s > START_TIMEOUT_S:
            lines = "\n".join(_lines[child.spec.name])
            raise pytest.UsageError(f"the process of '{child.spec.name}' does not serve:\n{lines}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for lines in _lines.values():
        lines.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and _lines:
        time.sleep(ARRIVING_S)
        report.sections += [
            (f"process of '{name}'", "\n".join(lines)) for name, lines in _lines.items() if lines
        ]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:  # in a worker of pytest-xdist, whose terminal is elsewhere
        output[_COUNTS] = [(*key, count) for key, count in _calls.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for module, goes, count in getattr(node, "workeroutput", {}).get(_COUNTS, ()):
        _calls[module, goes] += count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("modules placed in processes of their own")
    for name in modules_to_place(config):
        went, stayed = _calls[name, True], _calls[name, False]
        kept = f"; answered here, because a test had moved the clock: {stayed}" if stayed else ""
        terminalreporter.write_line(f"{name}: calls that went to its process: {went}{kept}")
