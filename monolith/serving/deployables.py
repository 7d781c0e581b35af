"""Modules spread over several private processes: what each of these is told about itself and the others."""

import secrets
from collections.abc import Collection, Mapping

from monolith.environment import CONTRACT_KEYS_PREFIX, REMOTE_PREFIX
from monolith.module import Module

KEY_BYTES = 32


def make_keys(modules: Collection[str]) -> dict[str, str]:
    """Return a new key for calls to each module."""
    return {name: secrets.token_hex(KEY_BYTES) for name in modules}


def placement_environment(
    here: Collection[str],
    *,
    addresses: Mapping[str, str],
    keys: Mapping[str, str],
    declared: Mapping[str, Module],
) -> dict[str, str]:
    """Return the variables of a process that has the modules `here`.

    They name its modules, the addresses of the others that these call, and the keys of calls to both: its own modules',
    by which it knows who calls, and the others', by which it is known. Modules without a key are called by nobody
    outside.
    """
    called = {other for name in here for other in declared[name].requires if other not in here}
    environment = {"MONOLITH_MODULES": ",".join(name for name in declared if name in here)}
    environment |= {f"{REMOTE_PREFIX}{name.upper()}": addresses[name] for name in sorted(called)}
    return environment | {
        f"{CONTRACT_KEYS_PREFIX}{name.upper()}": keys[name] for name in sorted({*here, *called} & keys.keys())
    }
