"""What embedded servers add to a process's environment when it names no server of its own."""

import fcntl
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from monolith.embedded.nats import NatsServer
from monolith.embedded.passfile import entries, write_passfile, write_private
from monolith.embedded.postgres import PostgresCluster
from monolith.embedded.server import EmbeddedServer, start_together
from monolith.environment import Environment, listed, remote_urls
from monolith.profile import Profile
from monolith.roles import RoleNames

DEFAULT_DIRECTORY = "var"


def data_directory(environ: Mapping[str, str], project: Path) -> Path:
    """Return where embedded servers of the project keep their data."""
    return project / (environ.get("MONOLITH_DATA_DIR") or DEFAULT_DIRECTORY)


def embedded_database(environ: Mapping[str, str], project: Path) -> PostgresCluster | None:
    """Return the project's embedded PostgreSQL; None when DATABASE_URL names another."""
    return None if environ.get("DATABASE_URL") else PostgresCluster(data_directory(environ, project))


def embedded_broker(environ: Mapping[str, str], project: Path) -> NatsServer | None:
    """Return the project's embedded NATS server; None when the environment names a broker or who to be at one."""
    if environ.get("MONOLITH_BROKER_URL") or environ.get("MONOLITH_BROKER_CREDENTIALS"):
        return None
    return NatsServer(data_directory(environ, project))


def environ(profile: Profile, environ: Mapping[str, str], project: Path) -> dict[str, str]:
    """Complete an environment for `profile`; what names a server already is left as it is.

    Starts nothing, so that settings may call it. A password file of another profile is never named, and a secret
    that is there already is left for `compose` to refuse.
    """
    completed = dict(environ)
    if cluster := embedded_database(environ, project):
        completed |= _for_database(profile, environ, cluster)
    if profile is Profile.PRIVATE and (broker := embedded_broker(environ, project)):
        completed |= _for_broker(environ, broker)
    return completed


def _for_database(profile: Profile, environ: Mapping[str, str], cluster: PostgresCluster) -> dict[str, str]:
    found = {"DATABASE_URL": cluster.url(), "PGPASSFILE": str(cluster.passfile(profile.value))}
    if profile is Profile.PRIVATE:
        found["PGPASSFILE"] = str(_own_passfile(cluster, environ))
        if not environ.get("MONOLITH_SECRET_KEY"):
            found["MONOLITH_SECRET_KEY"] = _secret_key(cluster.directory)
    if profile is Profile.MIGRATOR:
        # The superuser's password file travels in the address, so the migrator's own holds the migrator alone.
        passfile = quote(str(cluster.passfile("admin")), safe="")
        found["MONOLITH_ADMIN_URL"] = f"{cluster.admin_url}?passfile={passfile}"
    return found


def _for_broker(environ: Mapping[str, str], broker: NatsServer) -> dict[str, str]:
    # Beside a database of one's own only once a command has started it: a server that needs no broker may run where
    # nothing can be written, and finding out the port writes it down.
    if environ.get("DATABASE_URL") and not broker.is_initialised:
        return {}
    return {
        "MONOLITH_BROKER_URL": broker.address,
        "MONOLITH_BROKER_CREDENTIALS": str(broker.credentials),
        "MONOLITH_ENVIRONMENT": environ.get("MONOLITH_ENVIRONMENT")
        or Environment.model_fields["environment"].default,
    }


def _own_passfile(cluster: PostgresCluster, environ: Mapping[str, str]) -> Path:
    """Return the password file of a private process; one that has some modules only gets their roles alone."""
    whole = cluster.passfile(Profile.PRIVATE.value)
    chosen, away = listed(environ.get("MONOLITH_MODULES", "")), remote_urls(environ)
    passwords = entries(whole)
    if not passwords or not (chosen or away):
        return whole
    roles = RoleNames(environ.get("MONOLITH_ROLE_PREFIX", ""))
    own = roles.held_by(Profile.PRIVATE, chosen) if chosen else passwords.keys() - set(map(roles.rw, away))
    name = "-".join(["private", *chosen] if chosen else ["private", "without", *sorted(away)])
    path = cluster.passfile(name)
    write_passfile(path, {role: password for role, password in passwords.items() if role in own})
    return path


def ensure_started(
    environ: Mapping[str, str], project: Path, *, broker: bool = False
) -> PostgresCluster | None:
    """Start the project's embedded PostgreSQL, and with `broker` its NATS server, unless the environment names others.

    Returns PostgreSQL when it is embedded. Raises EmbeddedServiceError when one does not start.
    """
    cluster = embedded_database(environ, project)
    nats = embedded_broker(environ, project) if broker else None
    servers: list[EmbeddedServer] = [server for server in (cluster, nats) if server]
    start_together(servers)
    return cluster


def _secret_key(directory: Path) -> str:
    path = directory / "secret-key"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "secret-key.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that start at once must agree on one key
        if not path.exists():
            write_private(path, f"{secrets.token_urlsafe(48)}\n")
    return path.read_text(encoding="utf-8").strip()
