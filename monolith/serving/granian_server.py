"""One tier under granian: the check first, then the port, then the workers."""

import gc
import logging
import os
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import psycopg
from django.core.management.base import CommandError
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from monolith.composition import Composition, composed
from monolith.environment import CONTRACT_KEYS_PREFIX
from monolith.logs import logging_settings
from monolith.profile import Profile
from monolith.serving.ending import watch_signals
from monolith.serving.exit_codes import FAILED
from monolith.serving.lifeline import follow_parent
from monolith.serving.ports import require_free
from monolith.telemetry import require_packages
from monolith.tier_check import check_tier

logger = logging.getLogger("monolith.serving")

PORTS: Final = {Profile.PUBLIC: 8000, Profile.PRIVATE: 8001}
# More threads keep more requests waiting for PostgreSQL at once, and take more from each other's interpreter; on the
# public tier each holds one connection. On the private tier an agent's request keeps its thread while its tool runs or
# waits its turn: those threads cost nothing meanwhile.
DEFAULT_THREADS: Final = {Profile.PUBLIC: 4, Profile.PRIVATE: 64}
# Requests a worker accepts before it leaves the rest in the socket's queue, per thread.
BACKPRESSURE_PER_THREAD: Final = 16
HEADER_TIMEOUT_MS: Final = 10_000  # a client that sends its header slower than this is cut off
STOP_TIMEOUT_S: Final = 8  # for requests under way when the server is told to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How to serve."""

    host: str
    port: int
    workers: int = 1
    threads: int
    access_log: bool = False


def serving_profile() -> Profile:
    """Return this process's profile. Raises CommandError when it serves nothing."""
    profile = composed().profile
    if profile not in PORTS:
        raise CommandError(
            f"The {profile.value} serves nothing. Run it with --settings=settings.public or settings.private."
        )
    return profile


def serve(serving: Serving) -> None:
    """Serve this process's tier until a signal ends it.

    Raises TierViolation before anything listens when the process holds more than its tier allows, CommandError when
    the port is taken or the database cannot be reached.
    """
    composition = composed()
    require_packages(os.environ)
    _check(composition)
    require_free(serving.host, serving.port, option="--port")
    server = _server(serving, composition)
    server.on_startup(lambda: _announce(serving, composition))
    server.serve(target_loader=partial(load_application, serving.threads), wrap_loader=False)


def _check(composition: Composition) -> None:
    try:
        check_tier()
    except psycopg.OperationalError as error:
        raise CommandError(
            f"The database at {composition.environment.database_url} cannot be used: {str(error).strip()}\n"
            f"Start it, correct DATABASE_URL and PGPASSFILE, or run `manage.py prepare` if its roles are not made yet.",
            returncode=FAILED,
        ) from None


def _announce(serving: Serving, composition: Composition) -> None:
    host = f"[{serving.host}]" if ":" in serving.host else serving.host
    logger.info("%s tier at http://%s:%d", composition.profile.value, host, serving.port)


def _server(serving: Serving, composition: Composition) -> Any:
    return Granian(
        "monolith.wsgi:application",
        address=serving.host,
        port=serving.port,
        interface=Interfaces.WSGI,
        workers=serving.workers,
        blocking_threads=serving.threads,
        blocking_threads_idle_timeout=600,  # a thread that ends takes its kept connection with it
        backpressure=serving.threads * BACKPRESSURE_PER_THREAD,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=logging_settings(composition.profile, composition.environment),
        log_access=serving.access_log,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_TIMEOUT_S,
    )


def load_application(threads: int) -> Any:
    """Return the WSGI application, in a worker with so many threads; from then on its environment has no secret.

    granian copies the environment into every request.
    """
    follow_parent()
    watch_signals()
    from monolith.wsgi import application

    if composed().profile is Profile.PRIVATE:
        from monolith.tools.http import leave_threads

        leave_threads(threads)
    for module in composed().declared.values():
        for name in module.secrets:
            os.environ.pop(name, None)
    for name in [name for name in os.environ if name.startswith(CONTRACT_KEYS_PREFIX)]:
        del os.environ[name]
    os.environ.pop("MONOLITH_SECRET_KEY", None)
    gc.freeze()  # what is there now stays: looking through it would hold up all requests for a tenth of a second
    return application
