"""`manage.py prepare`: roles, schemas, migrations and sample data, in one step."""

import fcntl
import os
import subprocess
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.embedded import PostgresCluster
from monolith.profile import Profile
from monolith.project import project_data_directory, project_directory
from monolith.serving.environments import child_environment
from monolith.serving.lifeline import follow
from monolith.serving.preparation import PreparationFile, fingerprint, missing_samples


class Command(RichCommand):
    help = (
        "Provision, migrate, and load sample data once. A second run finds nothing to do. With a DATABASE_URL it "
        "provisions only if MONOLITH_ADMIN_URL is set, and loads samples only with --samples."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        samples = parser.add_mutually_exclusive_group()
        samples.add_argument(
            "--samples", action="store_true", help="load sample data, also into a database of yours"
        )
        samples.add_argument("--no-samples", action="store_true", help="load no sample data")
        parser.add_argument("--lifeline", type=int, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["lifeline"] is not None:
            follow(options["lifeline"])
        composition = composed()
        if composition.profile is not Profile.MIGRATOR:
            raise CommandError("prepare needs the migrator's role; run it with --settings=settings.migrator.")
        started = time.perf_counter()
        with _taking_turns():
            if composition.environment.admin_url:
                call_command("provision", stdout=self.stdout)
            else:
                self.console.print("MONOLITH_ADMIN_URL is not set: roles and grants are taken as they are.")
            call_command("migrate_schemas", stdout=self.stdout)
            self._load_samples(options)
        self.console.print(f"Prepared in {time.perf_counter() - started:.1f} s.", highlight=False)

    def _load_samples(self, options: dict[str, Any]) -> None:
        composition = composed()
        if os.environ.get("DATABASE_URL"):
            if options["samples"]:
                self._run_loader([name for name, m in composition.modules.items() if m.sample_data])
            return
        file = PreparationFile(PostgresCluster(project_data_directory()))
        loaded = file.read().samples
        missing = [] if options["no_samples"] else missing_samples(composition.modules, loaded)
        if missing:
            self._run_loader(missing)
            loaded |= {name: composition.modules[name].sample_data for name in missing}
        file.update(samples=loaded, fingerprint=fingerprint(composition.declared.values()))

    def _run_loader(self, names: list[str]) -> None:
        # As the private tier: only a module's own role may write its rows, and the migrator has none of them.
        declared = composed().declared.values()
        environ = child_environment(Profile.PRIVATE, os.environ, declared, directory=project_data_directory())
        project = project_directory()
        result = subprocess.run(
            [sys.executable, str(project / "manage.py"), "load_samples", *names],
            cwd=project,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.stdout.write(result.stdout, ending="")
        if result.returncode:
            raise CommandError(
                "Not all sample data was loaded (the lines above say why); everything else is done. "
                "Mend it and run this again, or add --no-samples."
            )


@contextmanager
def _taking_turns() -> Iterator[None]:
    """Let two preparations from one data directory follow each other: samples are loaded once, not twice at once."""
    directory = project_data_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "prepare.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
