"""What embedded servers add to a process's environment when it names no server of its own."""

import fcntl
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from monolith.embedded.passfile import entries, write_passfile, write_private
from monolith.embedded.postgres import PostgresCluster
from monolith.environment import listed, remote_urls
from monolith.profile import Profile
from monolith.roles import RoleNames

DEFAULT_DIRECTORY = "var"


def data_directory(environ: Mapping[str, str], project: Path) -> Path:
    """Return where embedded servers of the project keep their data."""
    return project / (environ.get("MONOLITH_DATA_DIR") or DEFAULT_DIRECTORY)


def environ(profile: Profile, environ: Mapping[str, str], project: Path) -> dict[str, str]:
    """Complete an environment for `profile`; one that has a DATABASE_URL is returned as it is.

    Starts nothing, so that settings may call it. A password file of another profile is never named, and a secret
    that is there already is left for `compose` to refuse.
    """
    if environ.get("DATABASE_URL"):
        return dict(environ)
    cluster = PostgresCluster(data_directory(environ, project))
    completed = dict(environ) | {
        "DATABASE_URL": cluster.url(),
        "PGPASSFILE": str(cluster.passfile(profile.value)),
    }
    if profile is Profile.PRIVATE:
        completed["PGPASSFILE"] = str(_own_passfile(cluster, environ))
        if not environ.get("MONOLITH_SECRET_KEY"):
            completed["MONOLITH_SECRET_KEY"] = _secret_key(cluster.directory)
    if profile is Profile.MIGRATOR:
        # The superuser's password file travels in the address, so the migrator's own holds the migrator alone.
        passfile = quote(str(cluster.passfile("admin")), safe="")
        completed["MONOLITH_ADMIN_URL"] = f"{cluster.admin_url}?passfile={passfile}"
    return completed


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


def ensure_started(environ: Mapping[str, str], project: Path) -> PostgresCluster | None:
    """Start the project's embedded PostgreSQL unless a DATABASE_URL names another; returns it when embedded.

    Raises EmbeddedServiceError when it does not start.
    """
    if environ.get("DATABASE_URL"):
        return None
    cluster = PostgresCluster(data_directory(environ, project))
    cluster.start()
    return cluster


def _secret_key(directory: Path) -> str:
    path = directory / "secret-key"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "secret-key.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that start at once must agree on one key
        if not path.exists():
            write_private(path, f"{secrets.token_urlsafe(48)}\n")
    return path.read_text(encoding="utf-8").strip()
