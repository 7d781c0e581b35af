"""Fetch forecasts and bring the windows of walks up to date."""

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from apps.hikes.errors import HikesError
from apps.hikes.forecast.providers import PROVIDERS, default_provider, provider_named
from apps.hikes.models import Walk
from apps.hikes.refresh import RefreshReport, refresh_windows


class Command(BaseCommand):
    help = "Fetch the forecasts that have expired and bring the windows of the published walks up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--walk", metavar="SLUG", help="only this walk; a draft has no forecast")
        parser.add_argument("--provider", choices=PROVIDERS, default=default_provider())
        parser.add_argument("--force", action="store_true", help="ask again although nothing has expired")

    def handle(self, *args: Any, walk: str | None, provider: str, force: bool, **options: Any) -> None:
        """Raise CommandError when there is no such walk, or when every question failed."""
        console = Console(file=cast("IO[str]", self.stdout))
        try:
            report = self._refresh(console, walk, provider, force=force)
        except HikesError as error:
            raise CommandError(str(error)) from error
        self._print(console, report)
        if report.all_failed:
            raise CommandError("Every question failed; the windows stay as they were. See the reasons above.")

    def _refresh(self, console: Console, walk: str | None, provider: str, *, force: bool) -> RefreshReport:
        total = 1 if walk else Walk.objects.filter(published=True).count()
        columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn())
        with (
            provider_named(provider) as source,
            Progress(*columns, console=console, transient=True) as progress,
        ):
            bar = progress.add_task(f"asking {provider}", total=total)
            return refresh_windows(
                provider=source,
                now=timezone.now(),
                slug=walk,
                force=force,
                on_walk=lambda slug, outcome: progress.update(bar, advance=1, description=slug),
            )

    def _print(self, console: Console, report: RefreshReport) -> None:
        table = Table("outcome", "walks")
        for outcome, walks in sorted(report.outcomes.items()):
            table.add_row(outcome, str(walks))
        console.print(table)
        console.print(f"{report.windows} windows stored")
        for slug, problem in report.problems.items():
            console.print(f"{slug}: {problem}", markup=False)
