"""`manage.py up --check`: a whole start on an empty machine, used, measured and removed."""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monolith.composition import Composition
from monolith.embedded import erase
from monolith.embedded.port import free_port
from monolith.environment import MODULE_URL_PREFIX
from monolith.errors import MonolithError
from monolith.profile import Profile
from monolith.serving import exercise
from monolith.serving.exercise import Client, Exercise, Step
from monolith.serving.exit_codes import FAILED, STOPPED
from monolith.serving.run_state import began
from monolith.serving.system import HOST, System, Wanted

# What would make the check use, or depend on, something that is there already.
LEFT_OUT: Final = (
    "DATABASE_URL",
    "PGPASSFILE",
    "MONOLITH_ADMIN_URL",
    "MONOLITH_ALLOWED_HOSTS",
    "MONOLITH_BROKER_CREDENTIALS",
    "MONOLITH_BROKER_URL",
    "MONOLITH_ENVIRONMENT",
    "MONOLITH_SECRET_KEY",
)
FIRST_START_S: Final = 15.0
NEXT_START_S: Final = 5.0
JOB_WITHIN_S: Final = 20.0


def check(*, project: Path, composition: Composition, console: Console) -> int:
    """Start everything twice on free ports with a throw-away data directory, use it, and remove it; returns 0 or 1."""
    directory = Path(tempfile.mkdtemp(prefix="monolith-check-"))
    ours = {n: v for n, v in os.environ.items() if n not in LEFT_OUT and not n.startswith(MODULE_URL_PREFIX)}
    environ = ours | {"MONOLITH_DATA_DIR": str(directory)}
    tried = Exercise()
    written = StringIO()  # the logs; worth reading when something failed
    logs = Console(file=written, width=console.width)
    console.print(f"Checking in {directory} ...", highlight=False, soft_wrap=True)
    processes: dict[str, int] = {}
    try:
        for what, limit_s, whole in (
            ("first start", FIRST_START_S, True),
            ("next start", NEXT_START_S, False),
        ):
            wanted = Wanted(ports={Profile.PUBLIC: free_port(), Profile.PRIVATE: free_port()})
            system = System(wanted, environ=environ, project=project, composition=composition, console=logs)
            _run(system, tried, what=what, limit_s=limit_s, whole=whole, processes=processes)
    finally:
        tried.attempt("", "leaves nothing behind", lambda: _removed(directory, processes))
    if tried.failed:
        console.print(written.getvalue(), markup=False, highlight=False, soft_wrap=True)
    _show(console, tried)
    return FAILED if tried.failed else STOPPED


def _run(
    system: System, tried: Exercise, *, what: str, limit_s: float, whole: bool, processes: dict[str, int]
) -> None:
    used = threading.Event()

    def use() -> None:
        try:
            processes.update(system.supervisor.pids)
            tried.steps.append(
                Step("", what, _start_report(system, limit_s), system.timings.total_s, ok=True)
            )
            if whole:
                _use(system, tried)
                processes.update(system.supervisor.pids)  # some start later than the servers
            used.set()
        finally:
            system.supervisor.request_stop()

    try:
        code = system.run(use)
    except (MonolithError, Exception) as error:  # noqa: BLE001 - it belongs into the table
        tried.steps.append(Step("", what, f"{type(error).__name__}: {error}", 0.0, ok=False))
        return
    if code or not used.is_set():
        tried.steps.append(Step("", what, f"ended with exit code {code} before it was used", 0.0, ok=False))


def _start_report(system: System, limit_s: float) -> str:
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in system.timings.parts.items())
    total = system.timings.total_s
    verdict = "promised" if total <= limit_s else "SLOWER than promised"
    return f"{parts}; {verdict}: {limit_s:g} s"


def _use(system: System, tried: Exercise) -> None:
    addresses = {profile: f"http://{HOST}:{port}" for profile, port in system.wanted.ports.items()}
    public, private = Client(addresses[Profile.PUBLIC]), Client(addresses[Profile.PRIVATE])
    modules = system.composition.modules
    anonymous = [name for name, module in modules.items() if Profile.PUBLIC.includes(module)]
    for name, client in (("public", public), ("private", private)):
        tried.attempt(name, "pages", partial(exercise.pages, client))
        tried.attempt(name, "health", partial(exercise.health, client))
    tried.attempt("public", "reads", lambda: exercise.read_api(public, anonymous, staff=False))
    tried.attempt("public", "is anonymous", lambda: exercise.absent_on_public(public, private))
    tried.attempt("private", "refuses anonymous", lambda: exercise.refuse_anonymous(private))
    user, password = system.admin_file.read_text(encoding="utf-8").splitlines()
    tried.attempt("private", "admin", lambda: exercise.log_in(private, user, password))
    tried.attempt("private", "reads", lambda: exercise.read_api(private, list(modules), staff=True))
    tried.attempt("private", "jobs", lambda: _jobs(system))
    tried.attempt("", "audit --probe", lambda: _audit(system))


def _jobs(system: System) -> str:
    """Enqueue the job that every module has, and wait until a worker ran it."""
    module = next(iter(system.composition.modules))

    def said(what: str, *arguments: str) -> Any:
        spec = system.command(Profile.PRIVATE, "jobs", *arguments, "--json")
        lines = system.run_once(replace(spec, follows_lifeline=False), quiet=True)
        return next(found for found in _documents("\n".join(lines)) if what in found)

    job = said("jobs", "run", "monolith.jobs.retention.forget_old", "--module", module)["jobs"][0]
    ends = time.monotonic() + JOB_WITHIN_S
    while (shown := said("status", "show", f"{module}/{job['id']}"))["status"] != "succeeded":
        if time.monotonic() > ends:
            raise exercise.Unexpected(f"a job of {module} is {shown['status']} after {JOB_WITHIN_S:g} s")
    return f"a job of {module} ran in a worker"


def _documents(text: str) -> Iterator[Any]:
    """Yield the JSON documents that follow each other: what a command prints, and its log between it."""
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        document, position = decoder.raw_decode(text, position)
        yield document
        position += len(text[position:]) - len(text[position:].lstrip())


def _audit(system: System) -> str:
    spec = replace(system.command(Profile.MIGRATOR, "audit", "--probe"), follows_lifeline=False)
    lines = system.run_once(spec, quiet=True)
    return lines[-1] if lines else "no finding"


def _removed(directory: Path, processes: dict[str, int]) -> str:
    erase(directory)
    shutil.rmtree(directory, ignore_errors=True)
    if left := [f"{name} ({pid})" for name, pid in processes.items() if began(pid)]:
        raise exercise.Unexpected(f"still running: {', '.join(left)}")
    if directory.exists():
        raise exercise.Unexpected(f"{directory} is still there")
    return "no process, no file"


def _show(console: Console, tried: Exercise) -> None:
    table = Table(title="up --check", title_justify="left")
    for name in ("", "tier", "what", "came of it"):
        table.add_column(name, overflow="fold")
    table.add_column("s", justify="right")
    for step in tried.steps:
        mark = "[green]ok[/green]" if step.ok else "[bold red]FAILED[/bold red]"
        table.add_row(mark, step.tier, step.what, Text(step.came_of_it), f"{step.duration_s:.2f}")
    console.print(table, highlight=False)
