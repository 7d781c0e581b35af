"""Bank and remove what is over."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.stars.pruning import prune


class Command(BaseCommand):
    help = "Bank the hours of nights that are over in their months, then remove them and their night tables."

    def handle(self, *args: Any, **options: Any) -> None:
        report = prune(now=timezone.now())
        self.stdout.write(f"{report.hours} hours banked and removed, {report.nights} night tables removed")
