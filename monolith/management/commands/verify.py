"""`manage.py verify`: every broken rule of the project, each with its place and what mends it."""

import gc
import json
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django_rich.management import RichCommand
from rich.text import Text

from monolith.verification.report import FAMILIES, NEED_DATABASE, Report, verify
from monolith.verification.violation import Violation


class Command(RichCommand):
    help = (
        "Find every broken rule: imports, look-ups by string, SQL, connections, declarations, relations, contracts, "
        "messages, tasks, grants and schedules. Collects all of them, each with its place and the fix; exit 1 when "
        "there is one."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document for programs")
        parser.add_argument(
            "--only",
            action="append",
            choices=list(FAMILIES),
            metavar="FAMILY",
            help=f"look at these families of rules only; may be repeated: {', '.join(FAMILIES)}",
        )
        parser.add_argument(
            "--no-database",
            action="store_true",
            help="leave out the grants and schedules, which are read from the database",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        families = options["only"] or list(FAMILIES)
        without = dict.fromkeys(NEED_DATABASE, "--no-database") if options["no_database"] else {}
        if not set(families) - without.keys():
            raise CommandError("Nothing is left to look at; leave out --no-database, or name another family.")
        gc.disable()  # loading and reading a project leaves next to no cycles; looking for them is a sixth of the time
        try:
            # Settings that cannot be read do not say where the project is; then it is where manage.py is.
            report = verify(families, without, project=Path(sys.argv[0]).resolve().parent)
        finally:
            gc.enable()
        if not settings.configured:
            settings.configure()  # Django asks for settings once more when a command ends
        if options["json"]:
            self.stdout.write(document(report))
        else:
            self._print(report)
        if report.violations:
            raise SystemExit(1)

    def _print(self, report: Report) -> None:
        for violation in report.violations:
            self.console.print(_shown(violation), soft_wrap=True)
        for family, reason in report.left_out.items():
            self.console.print(f"[yellow]{family} left out:[/yellow] {reason}", highlight=False)
        self.console.print(_summary(report), highlight=False, soft_wrap=True)


def document(report: Report) -> str:
    """Return a report as JSON; paths are relative to the project."""
    violations = [
        {
            "code": violation.code,
            "module": violation.module,
            "path": violation.place.path,
            "line": violation.place.line,
            "message": violation.message,
            "fix": violation.fix,
        }
        for violation in report.violations
    ]
    return json.dumps(
        {
            "clean": not violations,
            "families": report.families,
            "left_out": report.left_out,
            "violations": violations,
        },
        indent=2,
    )


def _summary(report: Report) -> str:
    looked = ", ".join(report.families) or "nothing"
    if not report.violations:
        return f"[bold green]✓[/bold green] No violation; looked at {looked}."
    counts = Counter(violation.code.family for violation in report.violations)
    found = "1 violation" if len(report.violations) == 1 else f"{len(report.violations)} violations"
    families = ", ".join(f"{family} {number}" for family, number in counts.items())
    return f"[bold red]✗[/bold red] {found} ({families}); looked at {looked}."


def _shown(violation: Violation) -> Text:
    place = str(violation.place) or f"({violation.module})"
    return Text.assemble(
        (place, "bold"),
        "  ",
        (violation.code, "red"),
        f"\n    {violation.message}\n    ",
        (f"→ {violation.fix}", "green"),
    )
