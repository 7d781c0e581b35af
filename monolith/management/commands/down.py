"""`manage.py down`: stop the servers that this project embeds."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.embedded import EmbeddedServer, services
from monolith.project import project_data_directory, project_directory


class Command(RichCommand):
    help = "Stop the embedded servers of this project; their data stays, unless --erase says otherwise."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--erase", action="store_true", help="remove the data and the passwords as well")
        parser.add_argument("--yes", action="store_true", help="do not ask before erasing")

    def handle(self, *args: Any, erase: bool, yes: bool, **options: Any) -> None:
        place = project_data_directory()
        if erase and not yes:
            self._confirm(place)
        stopped = [
            service
            for service in services(os.environ, project_directory())
            if self._end(service, erase=erase)
        ]
        if not stopped:
            self.console.print("Nothing was running.")
        if erase:
            self.console.print(f"Erased the data in {place}.", soft_wrap=True, highlight=False)
        elif stopped:
            self.console.print(f"The data stays in {place}.", soft_wrap=True, highlight=False)

    def _end(self, service: EmbeddedServer, *, erase: bool) -> bool:
        stopped = service.stop()
        if stopped:
            self.console.print(f"Stopped [bold]{service.name}[/bold].")
        if erase:
            service.erase()
        return stopped

    def _confirm(self, place: Path) -> None:
        if not sys.stdin.isatty():
            raise CommandError("--erase asks before it removes data, and this is no terminal. Add --yes.")
        self.console.print(
            f"This removes every row in {place} for good.", style="bold red", soft_wrap=True, highlight=False
        )
        if self.console.input("Type [bold]erase[/bold] to go on: ").strip() != "erase":
            raise CommandError("Nothing was erased.")
