"""Make the partitions that are needed next, retire those that are not kept."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.ships import services
from apps.ships.partitions import KEPT_DAYS


class Command(BaseCommand):
    help = f"Make the partitions of today and tomorrow; bank the heat of days over {KEPT_DAYS} days old and drop them."

    def handle(self, *args: Any, **options: Any) -> None:
        rotation = services.rotate_partitions(now=timezone.now())
        self.stdout.write(f"{rotation.made} partitions made, {len(rotation.dropped)} dropped")
        for day, cells in sorted(rotation.dropped.items()):
            self.stdout.write(f"{day}: {cells} heat cells banked")
        for day in rotation.postponed:
            self.stdout.write(f"{day}: in use, left for the next run")
