"""`manage.py prepare`: roles, schemas, migrations and sample data, in one step."""

import fcntl
import os
import subprocess
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.embedded import PostgresCluster
from monolith.migrator.runner import MigrationOutcome
from monolith.profile import Profile
from monolith.project import project_data_directory, project_directory
from monolith.serving.environments import child_environment
from monolith.serving.lifeline import follow
from monolith.serving.preparation import PreparationFile, fingerprint, missing_samples

MIGRATING_AT_ONCE: Final = 4

type OnOutcome = Callable[[MigrationOutcome], None]


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
        parser.add_argument("--admin", action="store_true", help=SUPPRESS)  # make its account as well
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
            with self._samples(options) as migrated:
                # As many at once as there are processors; more than a few wait for PostgreSQL's locks on its catalogs.
                workers = min(os.cpu_count() or 1, MIGRATING_AT_ONCE)
                call_command("migrate_schemas", stdout=self.stdout, parallel=workers, on_outcome=migrated)
        self.console.print(f"Prepared in {time.perf_counter() - started:.1f} s.", highlight=False)

    @contextmanager
    def _samples(self, options: dict[str, Any]) -> Iterator[OnOutcome]:
        """Load samples while the block migrates; yields what tells of each schema that is migrated."""
        modules = composed().modules
        own = PreparationFile(PostgresCluster(project_data_directory()))
        file = None if os.environ.get("DATABASE_URL") else own
        loaded = file.read().samples if file else {}
        wanted = options["samples"] or (file and not options["no_samples"])
        missing = missing_samples(modules, loaded) if wanted else []
        if arguments := [*missing, *(["--admin"] if options["admin"] else [])]:
            with self._loading(arguments) as migrated:
                yield migrated
        else:
            yield lambda outcome: None
        if file:
            loaded |= {name: modules[name].sample_data for name in missing}
            admin = {"has_admin": True} if options["admin"] else {}
            file.update(samples=loaded, fingerprint=fingerprint(composed().declared.values()), **admin)

    @contextmanager
    def _loading(self, arguments: list[str]) -> Iterator[OnOutcome]:
        # As the private tier: only a module's own role may write its rows, and the migrator has none of them.
        declared = composed().declared.values()
        environ = child_environment(Profile.PRIVATE, os.environ, declared, directory=project_data_directory())
        project = project_directory()
        with subprocess.Popen(
            [sys.executable, str(project / "manage.py"), "load_samples", "--as-migrated", *arguments],
            cwd=project,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as loader:

            def migrated(outcome: MigrationOutcome) -> None:
                if not outcome.error:
                    with suppress(BrokenPipeError):  # it has failed, which its exit code says
                        print(outcome.module, file=loader.stdin, flush=True)

            try:
                yield migrated
            finally:
                output, _ = loader.communicate()
                self.stdout.write(output, ending="")
        if loader.returncode:
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
