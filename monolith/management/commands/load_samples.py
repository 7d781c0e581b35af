"""`manage.py load_samples`: the data that modules ship to look at."""

import multiprocessing
import sys
import traceback
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.module_loading import import_string
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.context import entering
from monolith.module import PLATFORM, Module
from monolith.profile import Profile
from monolith.serving.lifeline import follow_parent

type Work = Callable[[], str]


def _load(module: Module) -> str:
    with entering(module.name):
        done: str = import_string(module.sample_data)()
    return done


def _make_admin() -> str:
    # What it prints has the password, which is for whoever asks for the account and for no log.
    with entering(PLATFORM):
        call_command("admin_login", stdout=StringIO())
    return "an account for the admin"


def _schemas_for(name: str) -> frozenset[str]:
    """Return the schemas that must be there before a module's samples are loaded: its own, what it calls, accounts."""
    modules, found, left = composed().modules, {PLATFORM}, [name]
    while left:
        found.add(current := left.pop())
        if current in modules:
            left += [
                required
                for required in modules[current].requires
                if required not in found and required in modules
            ]
    return frozenset(found)


class Command(RichCommand):
    help = "Load the sample data of every module, or of those named; loading again adds nothing."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("modules", nargs="*", metavar="MODULE", help="only these modules")
        # For `prepare`: each line of standard input names a schema that is migrated; what needs it can begin.
        parser.add_argument("--as-migrated", action="store_true", help=SUPPRESS)
        parser.add_argument("--admin", action="store_true", help=SUPPRESS)  # make its account, too

    def handle(self, *args: Any, **options: Any) -> None:
        composition = composed()
        if composition.profile is not Profile.PRIVATE:
            raise CommandError(
                "Samples are written as their module; run it with --settings=settings.private."
            )
        names = options["modules"]
        if not names and not options["admin"]:
            names = [name for name, module in composition.modules.items() if module.sample_data]
        work: dict[str, Work] = {name: partial(_load, self._with_samples(name)) for name in names}
        if options["admin"]:
            work[PLATFORM] = _make_admin
        needs = {name: _schemas_for(name) for name in work}
        migrated = sys.stdin if options["as_migrated"] else frozenset().union(*needs.values())
        if failed := self._load_all(work, needs, migrated):
            raise CommandError(f"Not loaded: {', '.join(failed)}; the lines above say why.")

    def _load_all(
        self, work: Mapping[str, Work], needs: Mapping[str, frozenset[str]], migrated: Iterable[str]
    ) -> list[str]:
        """Do all work, each as soon as the schemas it needs are among those `migrated`; returns what failed."""
        there: set[str] = set()
        running: dict[str, Future[str]] = {}
        # All at once, because nobody knows which takes longest; forked, because importing is half of the time of most.
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(len(work) or 1, fork, initializer=follow_parent) as executor:
            for schema in migrated:
                there.add(schema.strip())
                ready = [name for name in work if name not in running and needs[name] <= there]
                running |= {name: executor.submit(work[name]) for name in ready}
            failed = [name for name, done in running.items() if not self._show(name, done)]
        left = [name for name in work if name not in running]
        for name in left:
            self.stderr.write(f"{name}: these are not migrated: {', '.join(sorted(needs[name] - there))}")
        return [*failed, *left]

    def _show(self, name: str, loading: Future[str]) -> bool:
        try:
            done = loading.result()
        except Exception:  # noqa: BLE001 - a module's own, shown whole
            self.stderr.write(f"{name}: {traceback.format_exc()}")
            return False
        self.console.print(f"[bold]{name}[/bold]  {done}", highlight=False, soft_wrap=True)
        return True

    def _with_samples(self, name: str) -> Module:
        module = composed().modules.get(name)
        if module is None or not module.sample_data:
            known = [name for name, module in composed().modules.items() if module.sample_data]
            raise CommandError(f"{name!r} is no module with sample data; these have some: {', '.join(known)}")
        return module
