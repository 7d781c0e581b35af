"""What a child process finds in its environment: what its profile may hold, and no more."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from monolith.embedded.passfile import entries, write_passfile
from monolith.environment import CONTRACT_KEYS_PREFIX, REMOTE_PREFIX
from monolith.fitness import FORBIDDEN_IN_PUBLIC
from monolith.module import Module
from monolith.profile import Profile
from monolith.roles import RoleNames

# libpq would take these before what the settings say.
LIBPQ_IDENTITY: Final = ("PGUSER", "PGPASSWORD", "PGSERVICE", "PGSERVICEFILE")
WITHHELD: Final = {
    Profile.PUBLIC: (*FORBIDDEN_IN_PUBLIC, "MONOLITH_BROKER_URL"),
    Profile.PRIVATE: ("MONOLITH_ADMIN_URL",),
    Profile.MIGRATOR: (
        "MONOLITH_SECRET_KEY",
        "MONOLITH_ANALYTICS_URL",
        "MONOLITH_BROKER_CREDENTIALS",
        "MONOLITH_BROKER_URL",
    ),
}


def child_environment(
    profile: Profile, environ: Mapping[str, str], modules: Iterable[Module], *, directory: Path
) -> dict[str, str]:
    """Return the environment of a child of `profile`: ours without the secrets that are not its own.

    A PGPASSFILE of ours is cut down to the child's roles, into a file below `directory`.
    """
    modules = list(modules)
    withheld = {*LIBPQ_IDENTITY, *WITHHELD[profile], "DJANGO_SETTINGS_MODULE"}
    if profile is not Profile.PRIVATE:
        withheld.update(name for module in modules for name in module.secrets)
        withheld.update(name for name in environ if name.startswith((CONTRACT_KEYS_PREFIX, REMOTE_PREFIX)))
    environment = {name: value for name, value in environ.items() if name not in withheld}
    if environ.get("DATABASE_URL") and environ.get("PGPASSFILE"):
        names = RoleNames(environ.get("MONOLITH_ROLE_PREFIX", ""))
        roles = names.held_by(profile, (module.name for module in modules))
        environment["PGPASSFILE"] = str(_cut_passfile(Path(environ["PGPASSFILE"]), profile, roles, directory))
    return environment | {"DJANGO_SETTINGS_MODULE": f"settings.{profile.value}", "PYTHONUNBUFFERED": "1"}


def _cut_passfile(original: Path, profile: Profile, roles: frozenset[str], directory: Path) -> Path:
    if profile is Profile.MIGRATOR:
        return original  # it may need the administrator's line as well, whoever that is
    path = directory / "passfiles" / f"{profile.value}-of-up.pgpass"
    write_passfile(path, {role: password for role, password in entries(original).items() if role in roles})
    return path
