"""Fetch forecasts and bring the hours of sites up to date."""

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from apps.stars.errors import StarsError
from apps.stars.forecast.providers import PROVIDERS, default_provider, provider_named
from apps.stars.refresh import RefreshReport, refresh_hours


class Command(BaseCommand):
    help = "Fetch the forecasts that have expired and bring the hours of the sites up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--site", metavar="SLUG", help="only this site")
        parser.add_argument("--provider", choices=PROVIDERS, default=default_provider())
        parser.add_argument("--force", action="store_true", help="ask again although nothing has expired")

    def handle(self, *args: Any, site: str | None, provider: str, force: bool, **options: Any) -> None:
        """Raise CommandError when there is no such site, or when every question failed."""
        try:
            with provider_named(provider) as source:
                report = refresh_hours(provider=source, now=timezone.now(), slug=site, force=force)
        except StarsError as error:
            raise CommandError(str(error)) from error
        self._print(report)
        if report.all_failed:
            raise CommandError("Every question failed; the hours stay as they were. See the reasons above.")

    def _print(self, report: RefreshReport) -> None:
        console = Console(file=cast("IO[str]", self.stdout))
        table = Table("outcome", "sites")
        for outcome, sites in sorted(report.outcomes.items()):
            table.add_row(outcome, str(sites))
        console.print(table)
        console.print(f"{report.hours} hours stored")
        for slug, problem in report.problems.items():
            console.print(f"{slug}: {problem}", markup=False)
