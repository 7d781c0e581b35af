"""Which connections a process has: one role, one address and one way to keep them for each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from monolith.environment import Environment, connection_parameters, module_urls
from monolith.liveness import refuse_ended
from monolith.module import Module
from monolith.profile import Profile
from monolith.roles import RoleNames

MIGRATOR_ENGINE: Final = "monolith.migrator"
RUNTIME_ENGINE: Final = "monolith.postgresql"
POOL: Final = 8  # connections of one module, or of the platform, in one process


def databases(
    profile: Profile, composed: Mapping[str, Module], environment: Environment, environ: Mapping[str, str]
) -> dict[str, Mapping[str, Any]]:
    """Return the database aliases of a process of `profile` with the modules `composed`, in Django's form."""
    roles = RoleNames(environment.role_prefix)
    urls = module_urls(environ)
    shared = environment.database_url

    def database(role: str, url: str = shared, **extra: Any) -> Mapping[str, Any]:
        return MappingProxyType(_database(url, role, environment.passfile) | extra)

    if profile is Profile.PUBLIC:
        # One kept connection per thread: a pool costs a fifth of the throughput (ADR 0002).
        alias = database(roles.public_reader, CONN_MAX_AGE=None)
        # The server plans a statement once per connection and not once per request. A pooler in transaction
        # mode must carry prepared statements for it (PgBouncer 1.21 and later: max_prepared_statements).
        alias["OPTIONS"].update(server_side_binding=True, prepare_threshold=3)
        return {"default": alias}
    if profile is Profile.MIGRATOR:
        return {"default": database(roles.migrator, ENGINE=MIGRATOR_ENGINE)}
    aliases = {"default": database(roles.platform_rw)}
    for name in composed:
        aliases[name] = database(roles.rw(name), urls.get(name, shared))
    for options in aliases.values():
        # A pool per module is the bulkhead: one module that holds its connections starves itself alone.
        # reconnect_timeout: the pauses between attempts double, so a longer one outlasts the outage by as much again.
        options["OPTIONS"]["pool"] = {
            "min_size": 0,
            "max_size": POOL,
            "timeout": 5,
            "reconnect_timeout": 1,
            "check": refuse_ended,
        }
    return aliases


def _database(url: str, role: str, passfile: str) -> dict[str, Any]:
    parameters = connection_parameters(url)
    options: dict[str, Any] = {
        key: value for key, value in parameters.items() if key not in {"host", "port", "dbname"}
    }
    options["application_name"] = role
    if passfile:
        options["passfile"] = passfile
    return {
        "ENGINE": RUNTIME_ENGINE,
        "NAME": parameters["dbname"],
        "HOST": parameters.get("host", ""),
        "PORT": parameters.get("port", ""),
        "USER": role,
        "OPTIONS": options,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # they do not survive PgBouncer in transaction mode
    }
