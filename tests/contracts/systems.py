"""Whole systems: a database prepared for modules, and the modules placed in one process or in several."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from monolith import Module
from monolith.embedded import PostgresCluster, erase
from tests.contracts.processes import Placement, System, caller, owners
from tests.environment import outer_environment
from tests.served_tier import ROOT


@contextmanager
def prepared(
    modules: Sequence[Module], package: str, *commands: Sequence[str], telemetry_url: str = ""
) -> Iterator[System]:
    """A database for modules whose settings are `settings_private` and `settings_migrator` of `package`."""
    directory = Path(tempfile.mkdtemp(prefix="monolith-contracts-"))
    directory.chmod(0o711)  # for the account of the server
    environment = outer_environment() | {"MONOLITH_DATA_DIR": str(directory)}
    migrator, private = (f"--settings={package}.settings_{tier}" for tier in ("migrator", "private"))
    try:
        for command in [
            ("provision", migrator),
            ("migrate_schemas", migrator),
            *((*c, private) for c in commands),
        ]:
            arguments = [sys.executable, "manage.py", *command]
            subprocess.run(
                arguments, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, timeout=120, check=True
            )
        cluster = PostgresCluster(directory)
        yield System(modules, f"{package}.settings_private", cluster, directory, telemetry_url)
    finally:
        erase(directory)
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def placed(system: System, name: str, *, calling: str, elsewhere: Sequence[str]) -> Iterator[Placement]:
    """Let `calling` call modules in its own process, or, where the placement is http, each in one of its own."""
    others = [module.name for module in system.modules if module.name != calling]
    with ExitStack() as running:
        if name == "http":
            served = running.enter_context(owners(system, elsewhere))
            remotes = {module: owner.url for module, owner in served.items()}
            here = [calling, *(module for module in others if module not in elsewhere)]
            process = running.enter_context(caller(system, here, remotes))
        else:
            served = {}
            process = running.enter_context(caller(system, [calling, *others], {}, MONOLITH_CONTRACTS=name))
        yield Placement(name, system, process, served)
