"""Bring live heat up to date."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.ships import services


class Command(BaseCommand):
    help = "Count the vessels that moved through each cell in the last seven days. Meant to run once an hour."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = services.roll_up_heat(now=timezone.now())
        self.stdout.write(f"{changed} heat cells are new or changed")
