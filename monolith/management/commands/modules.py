"""`manage.py modules`: the map of the system."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.composition import Composition, composed
from monolith.environment import remote_urls
from monolith.overview.entries import entries
from monolith.overview.formats import as_json, as_mermaid, as_page, tables
from monolith.project import project_directory

PAGE: Final = Path("docs/reference/modules.md")


class Command(RichCommand):
    help = (
        "Show every module: tiers, schema, tables, public relations, what it provides and requires, what it publishes "
        "and subscribes to, routes, secrets, and where it runs."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--format",
            choices=["table", "json", "mermaid"],
            default="table",
            help="for a terminal, for programs, or the graph of calls and events alone (table)",
        )
        what.add_argument("--write", action="store_true", help=f"write {PAGE}")
        what.add_argument(
            "--check", action="store_true", help=f"exit 1 when {PAGE} is not what --write would write"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        composition = composed()
        if options["write"] or options["check"]:
            self._page(composition, write=options["write"])
            return
        found = entries(composition, remote_urls(os.environ))
        if options["format"] == "table":
            for table in tables(found):
                self.console.print(table)
        else:
            self.stdout.write({"json": as_json, "mermaid": as_mermaid}[options["format"]](found))

    def _page(self, composition: Composition, *, write: bool) -> None:
        if missing := composition.declared.keys() - composition.modules.keys():
            raise CommandError(
                f"The page has every module; unset MONOLITH_MODULES, it leaves out {sorted(missing)}."
            )
        page = project_directory() / PAGE
        text = as_page(entries(composition, {}))
        if write:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            raise CommandError(f"{PAGE} is stale; run `manage.py modules --write` and commit it.")
        self.console.print(f"{PAGE} is current.")
