"""`manage.py load_samples`: the data that modules ship to look at."""

import multiprocessing
import traceback
from argparse import ArgumentParser
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

from django.core.management.base import CommandError
from django.utils.module_loading import import_string
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.context import entering
from monolith.module import Module
from monolith.profile import Profile


def _load(module: Module) -> str:
    with entering(module.name):
        done: str = import_string(module.sample_data)()
    return done


class Command(RichCommand):
    help = "Load the sample data of every module, or of those named; loading again adds nothing."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("modules", nargs="*", metavar="MODULE", help="only these modules")

    def handle(self, *args: Any, **options: Any) -> None:
        composition = composed()
        if composition.profile is not Profile.PRIVATE:
            raise CommandError(
                "Samples are written as their module; run it with --settings=settings.private."
            )
        names = options["modules"] or [
            name for name, module in composition.modules.items() if module.sample_data
        ]
        modules = [self._with_samples(composition.modules.get(name), name) for name in names]
        # All at once, because nobody knows which takes longest; forked, because importing is half of the time of most.
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(len(modules) or 1, mp_context=fork) as executor:
            running = {module.name: executor.submit(_load, module) for module in modules}
            failed = [name for name, done in running.items() if not self._show(name, done)]
        if failed:
            raise CommandError(f"Not loaded: {', '.join(failed)}; the lines above say why.")

    def _show(self, name: str, loading: Future[str]) -> bool:
        try:
            done = loading.result()
        except Exception:  # noqa: BLE001 - a module's own, shown whole
            self.stderr.write(f"{name}: {traceback.format_exc()}")
            return False
        self.console.print(f"[bold]{name}[/bold]  {done}", highlight=False, soft_wrap=True)
        return True

    def _with_samples(self, module: Module | None, name: str) -> Module:
        if module is None or not module.sample_data:
            known = [name for name, module in composed().modules.items() if module.sample_data]
            raise CommandError(f"{name!r} is no module with sample data; these have some: {', '.join(known)}")
        return module
