"""Remove what is over."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.hikes.refresh import prune_windows


class Command(BaseCommand):
    help = "Remove windows that are over, and records of forecast questions older than 30 days."

    def handle(self, *args: Any, **options: Any) -> None:
        report = prune_windows(now=timezone.now())
        self.stdout.write(f"{report.windows} windows and {report.fetches} fetch records removed")
