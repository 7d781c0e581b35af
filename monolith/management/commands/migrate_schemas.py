"""`manage.py migrate_schemas`: every module's migrations, each in its own schema, as its owner."""

import traceback
from argparse import ArgumentParser
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import CommandError
from django.db import connections
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.migrator.runner import MigrationOutcome, migrate, migration_order, pending
from monolith.profile import Profile


class Command(RichCommand):
    help = "Apply each module's migrations in its own schema, as its owner, and re-apply its grants."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--module", action="append", metavar="NAME", help="only this module; may be given several times"
        )
        parser.add_argument(
            "--plan", action="store_true", help="print what would be applied and change nothing"
        )
        parser.add_argument(
            "--parallel",
            nargs="?",
            type=int,
            const=4,
            default=1,
            metavar="N",
            help="migrate N modules at once (4)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if composed().profile is not Profile.MIGRATOR:
            raise CommandError(
                "migrate_schemas needs the migrator's role; run it with --settings=settings.migrator"
            )
        modules = self._chosen(options["module"])
        if options["plan"]:
            self._print_plan(modules)
            return
        outcomes = list(self._run(modules, workers=max(1, options["parallel"])))
        failed = [outcome for outcome in outcomes if outcome.error]
        applied = sum(len(outcome.applied) for outcome in outcomes)
        self.console.print(f"{len(outcomes) - len(failed)} schemas up to date, {applied} migrations applied.")
        if failed:
            raise CommandError(
                f"{len(failed)} failed: {', '.join(o.module for o in failed)}. "
                "The others are done; fix and run it again."
            )

    def _chosen(self, names: list[str] | None) -> list[str]:
        known = migration_order()
        if unknown := [name for name in names or [] if name not in known]:
            raise CommandError(f"no such module: {', '.join(unknown)}; known: {', '.join(known)}")
        return names or known

    def _print_plan(self, modules: list[str]) -> None:
        for module in modules:
            for migration in pending(module) or ["nothing to do"]:
                self.console.print(f"[bold]{module}[/bold]  {migration}", highlight=False)

    def _run(self, modules: list[str], *, workers: int) -> Iterable[MigrationOutcome]:
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="migrate") as executor:
            yield from executor.map(self._migrate_one, modules)

    def _migrate_one(self, module: str) -> MigrationOutcome:
        def progress(migration: str) -> None:
            self.console.print(f"[bold]{module}[/bold]  {migration}", highlight=False)

        try:
            outcome = migrate(module, progress=progress)
        except Exception as error:  # noqa: BLE001 (one module's failure must not stop the others)
            self.console.print(
                f"[bold red]{module}[/bold red]  failed: {error}", highlight=False, markup=True
            )
            self.stderr.write("".join(traceback.format_exception(error)))
            return MigrationOutcome(module, error=error)
        finally:
            connections.close_all()
        if outcome.grants:
            self.console.print(f"[bold]{module}[/bold]  {outcome.grants} grants re-applied", highlight=False)
        return outcome
