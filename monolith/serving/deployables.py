"""Modules spread over several private processes: what each of these is told about itself and the others."""

import secrets
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from monolith.environment import CONTRACT_KEYS_PREFIX, REMOTE_PREFIX
from monolith.module import Module, Need
from monolith.profile import Profile
from monolith.serving.environments import child_environment

KEY_BYTES: Final = 32


def make_keys(modules: Collection[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of calls to each module: those of the environment, or a new one."""
    return {
        name: environ.get(f"{CONTRACT_KEYS_PREFIX}{name.upper()}") or secrets.token_hex(KEY_BYTES)
        for name in modules
    }


def process_environment(
    here: Collection[str],
    *,
    environ: Mapping[str, str],
    declared: Mapping[str, Module],
    addresses: Mapping[str, str],
    keys: Mapping[str, str],
    directory: Path,
) -> dict[str, str]:
    """Return the environment of a private process that has the modules `here`, and of no other the secrets.

    `addresses` says where the modules run that these call, `keys` has the keys of calls between processes, both by
    module. A PGPASSFILE of ours is cut down to the process's roles, into a file below `directory`.
    """
    foreign = {s for name, module in declared.items() if name not in here for s in module.secrets}
    ours = {secret for name in here for secret in declared[name].secrets}
    if not any(Need.ANALYTICS in declared[name].needs for name in here):
        foreign.add("MONOLITH_ANALYTICS_URL")
    kept = {name: value for name, value in environ.items() if name not in foreign - ours}
    modules = [declared[name] for name in here]
    environment = child_environment(Profile.PRIVATE, kept, modules, directory=directory)
    return _without_placement(environment) | _placement(here, declared, addresses, keys)


def _without_placement(environment: Mapping[str, str]) -> dict[str, str]:
    ways = (REMOTE_PREFIX, CONTRACT_KEYS_PREFIX)
    return {name: value for name, value in environment.items() if not name.startswith(ways)}


def _placement(
    here: Collection[str],
    declared: Mapping[str, Module],
    addresses: Mapping[str, str],
    keys: Mapping[str, str],
) -> dict[str, str]:
    called = {other for name in here for other in declared[name].requires if other not in here}
    return {
        "MONOLITH_MODULES": ",".join(name for name in declared if name in here),
        **{f"{REMOTE_PREFIX}{name.upper()}": addresses[name] for name in called & addresses.keys()},
        # Its own modules', by which it knows who calls; the others', by which it is known.
        **{f"{CONTRACT_KEYS_PREFIX}{name.upper()}": keys[name] for name in {*here, *called} & keys.keys()},
    }
