"""`manage.py migrate_schemas`: every module's migrations, each in its own schema, as its owner."""

import multiprocessing
import traceback
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from django.core.management.base import CommandError
from django.db import connections
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.migrator.runner import MigrationOutcome, migrate, migration_order, pending
from monolith.profile import Profile
from monolith.serving.lifeline import follow_parent


class Command(RichCommand):
    help = "Apply each module's migrations in its own schema, as its owner, and re-apply its grants."
    requires_system_checks: list[str] = []
    stealth_options = ("on_outcome",)  # called with the outcome of each module as soon as there is one

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
            help="migrate N modules at once, in as many processes (4)",
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
        on_outcome = options.get("on_outcome") or (lambda outcome: None)
        outcomes = []
        for outcome in self._run(modules, workers=min(max(1, options["parallel"]), len(modules))):
            outcomes.append(outcome)
            on_outcome(outcome)
        failed = [outcome for outcome in outcomes if outcome.error]
        applied = sum(len(outcome.applied) for outcome in outcomes)
        self.console.print(f"{len(outcomes) - len(failed)} schemas up to date, {applied} migrations applied.")
        if failed:
            raise CommandError(
                f"{len(failed)} failed: {', '.join(sorted(o.module for o in failed))}. "
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

    def _run(self, modules: list[str], *, workers: int) -> Iterator[MigrationOutcome]:
        """Yield the outcome of each module as it comes; with several workers, in no particular order."""
        if workers == 1:
            yield from map(self._migrate_one, modules)
            return
        # Processes: most of a migration is Python, of which threads run one at a time. Forked, because they need all
        # that is loaded here, and print where we do; no connection may be shared with them, and nothing unwritten.
        connections.close_all()
        self.stdout.flush()
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(workers, fork, initializer=_works_for, initargs=(self,)) as executor:
            running = {executor.submit(_migrate_in_worker, module): module for module in modules}
            for done in as_completed(running):
                try:
                    yield done.result()
                except Exception as error:  # noqa: BLE001 - a process of ours was killed: its module has no outcome
                    yield self._failed(running[done], error)

    def _migrate_one(self, module: str) -> MigrationOutcome:
        def progress(migration: str) -> None:
            self.console.print(f"[bold]{module}[/bold]  {migration}", highlight=False)

        try:
            outcome = migrate(module, progress=progress)
        except Exception as error:  # noqa: BLE001 (one module's failure must not stop the others)
            return self._failed(module, error)
        finally:
            connections.close_all()
        if outcome.grants:
            self.console.print(f"[bold]{module}[/bold]  {outcome.grants} grants re-applied", highlight=False)
        return outcome

    def _failed(self, module: str, error: BaseException) -> MigrationOutcome:
        text = str(error) or type(error).__name__
        self.console.print(f"[bold red]{module}[/bold red]  failed: {text}", highlight=False, markup=True)
        self.stderr.write("".join(traceback.format_exception(error)))
        return MigrationOutcome(module, error=text)


_commands: list[Command] = []  # in a worker: whose work it does; what is inherited need not be pickled


def _works_for(command: Command) -> None:
    follow_parent()  # or it would hold what it inherited: the lock of `prepare`, and the pipe to the samples
    _commands.append(command)


def _migrate_in_worker(module: str) -> MigrationOutcome:
    return _commands[-1]._migrate_one(module)
