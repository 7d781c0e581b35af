"""Look for names that notes link to and no note has."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.knowledge.gaps import discover_gaps


class Command(BaseCommand):
    help = "Bring the gaps up to date: names that notes link to and no note has."

    def handle(self, *args: Any, **options: Any) -> None:
        report = discover_gaps(now=timezone.now())
        for key in report.opened:
            self.stdout.write(f"opened: {key}")
        self.stdout.write(
            f"{len(report.opened)} gaps opened, {report.filled} filled, {report.unlinked} unlinked"
        )
