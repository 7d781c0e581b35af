"""`manage.py load_samples`: the data that modules ship to look at."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.module_loading import import_string
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.context import entering
from monolith.module import Module
from monolith.profile import Profile


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
        for module in [self._with_samples(composition.modules.get(name), name) for name in names]:
            with entering(module.name):
                done = import_string(module.sample_data)()
            self.console.print(f"[bold]{module.name}[/bold]  {done}", highlight=False, soft_wrap=True)

    def _with_samples(self, module: Module | None, name: str) -> Module:
        if module is None or not module.sample_data:
            known = [name for name, module in composed().modules.items() if module.sample_data]
            raise CommandError(f"{name!r} is no module with sample data; these have some: {', '.join(known)}")
        return module
