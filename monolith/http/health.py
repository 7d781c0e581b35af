"""Is this process alive, and can it do its work?

Both answers are for machines that ask every few seconds, on the public tier for anyone: readiness is measured
at most once a second, in a thread that a stuck database cannot make the request wait for.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from monolith.composition import Composition, composed
from monolith.context import entering
from monolith.module import PLATFORM
from monolith.profile import Profile

logger = logging.getLogger("monolith.http.health")

DEADLINE_S: Final = 2.0  # shorter than the time a probe waits, or the probe reports nothing but its own
FRESH_FOR_S: Final = 1.0  # longer hides an outage, shorter lets callers put load on the database

APPLIED: Final = "SELECT name FROM django_migrations WHERE app = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One thing that must work before requests are sent here."""

    name: str
    check: Callable[[], str]  # returns what it saw, raises when it does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the check of one component gave."""

    status: str  # ok, failed, or late: no answer before the deadline
    message: str = ""
    duration_ms: float = 0.0


@dataclass(slots=True)
class Readiness:
    """Measures its components, at most once per `fresh_for_s`, and never longer than `deadline_s`."""

    components: Sequence[Component]
    deadline_s: float = DEADLINE_S
    fresh_for_s: float = FRESH_FOR_S
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: threading.Thread | None = None
    _found: dict[str, Outcome] = field(default_factory=dict)
    _measured_at: float | None = None

    def outcomes(self) -> dict[str, Outcome]:
        """Return the outcome of every component by name; those without an answer in time are late.

        While one caller measures, the others get what was found last.
        """
        if self._is_stale() and self._lock.acquire(blocking=self._measured_at is None):
            try:
                if self._is_stale():
                    self._measure()
            finally:
                self._lock.release()
        found = self._found
        late = Outcome(status="late", message=f"no answer within {self.deadline_s:g} s")
        return {component.name: found.get(component.name, late) for component in self.components}

    def _is_stale(self) -> bool:
        return self._measured_at is None or time.monotonic() - self._measured_at >= self.fresh_for_s

    def _measure(self) -> None:
        found: dict[str, Outcome] = {}
        if self._running is None or not self._running.is_alive():
            self._running = threading.Thread(
                target=self._check_all, args=(found,), name="readiness", daemon=True
            )
            self._running.start()
            self._running.join(self.deadline_s)
        self._found = dict(found)  # empty while the last measurement is still stuck
        self._measured_at = time.monotonic()
        self._log()

    def _log(self) -> None:
        for component in self.components:
            outcome = self._found.get(component.name)
            if outcome is None:
                logger.error("not ready: %s gave no answer within %g s", component.name, self.deadline_s)
            elif outcome.status != "ok":
                logger.error("not ready: %s: %s", component.name, outcome.message)

    def _check_all(self, found: dict[str, Outcome]) -> None:
        try:
            for component in self.components:
                found[component.name] = _outcome(component)
        finally:
            connections.close_all()  # this thread's own


def _outcome(component: Component) -> Outcome:
    started = time.perf_counter()
    try:
        status, message = "ok", component.check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the component does not work
        status, message = "failed", f"{type(error).__name__}: {error}"
    return Outcome(
        status=status, message=message, duration_ms=round((time.perf_counter() - started) * 1e3, 2)
    )


def components(composition: Composition) -> list[Component]:
    """Return what must work in this process: database, role, migrations, and what HEALTH_COMPONENTS names.

    HEALTH_COMPONENTS is a list of dotted names of functions without arguments, which return what they saw and
    raise when it does not work; a component is called as its function.
    """
    found = [
        Component(name="database", check=check_database),
        Component(name="role", check=check_role),
    ]
    if composition.profile is Profile.PRIVATE:  # the public role cannot read what was migrated
        found.append(Component(name="migrations", check=Migrations()))
    for dotted in getattr(settings, "HEALTH_COMPONENTS", ()):
        function = import_string(dotted)
        found.append(Component(name=function.__name__, check=function))
    return found


def check_database() -> str:
    """Ask every server of this process for its version."""
    return ", ".join(f"PostgreSQL {_value(alias, 'SHOW server_version')}" for alias in _servers())


def check_role() -> str:
    """Compare the role on every server with the one that is meant to be used there."""
    databases = composed().databases
    for alias in _servers():
        role, expected = _value(alias, "SELECT current_user"), databases[alias]["USER"]
        if role != expected:
            raise PermissionError(f"the alias '{alias}' is {role!r}, not {expected!r}; correct its settings")
    return ", ".join(str(databases[alias]["USER"]) for alias in _servers())


def _servers() -> list[str]:
    """Return one alias per server: asking through each module's pool would let one busy module answer for all."""
    found: dict[tuple[Any, ...], str] = {}
    for alias, options in composed().databases.items():
        found.setdefault((options["HOST"], options["PORT"], options["NAME"]), alias)
    return list(found.values())


class Migrations:
    """Looks for migrations of the composed modules that were not run; once all were, it asks no more."""

    def __init__(self) -> None:
        self._waiting = dict.fromkeys(composed().modules)

    def __call__(self) -> str:
        for module in list(self._waiting):
            if missing := _missing(module):
                raise LookupError(f"not applied: {', '.join(missing)}; run `manage.py migrate_schemas`")
            del self._waiting[module]
        return "all applied"


def _missing(module: str) -> list[str]:
    with entering(module), connections[module].cursor() as cursor:
        cursor.execute(APPLIED, [module])
        applied = {name for (name,) in cursor.fetchall()}
    return [f"{module}.{name}" for name in latest_migrations().get(module, ()) if name not in applied]


@cache
def latest_migrations() -> dict[str, tuple[str, ...]]:
    """Return the last migration of every app, as its files have it."""
    from django.db.migrations.loader import MigrationLoader

    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    leaves: dict[str, tuple[str, ...]] = {}
    for label, name in graph.leaf_nodes():
        leaves[label] = (*leaves.get(label, ()), name)
    return leaves


@cache
def readiness() -> Readiness:
    """Return this process's readiness."""
    return Readiness(components(composed()))


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the process serves requests; it asks nothing else."""
    return _uncached({"status": "ok"}, 200)


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every component works, else 503; messages and durations on the private tier only."""
    outcomes = readiness().outcomes()
    ready = all(outcome.status == "ok" for outcome in outcomes.values())
    detailed = composed().profile is Profile.PRIVATE
    document = {
        "status": "ok" if ready else "failed",
        "components": {name: _shown(outcome, detailed=detailed) for name, outcome in outcomes.items()},
    }
    return _uncached(document, 200 if ready else 503)


def _shown(outcome: Outcome, *, detailed: bool) -> Any:
    if not detailed:
        return outcome.status
    return {"status": outcome.status, "message": outcome.message, "duration_ms": outcome.duration_ms}


def _uncached(document: dict[str, Any], status: int) -> JsonResponse:
    return JsonResponse(document, status=status, headers={"Cache-Control": "no-store"})


def _value(alias: str, statement: str) -> Any:
    with entering(composed().owner_of_alias(alias) or PLATFORM), connections[alias].cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row and row[0]
