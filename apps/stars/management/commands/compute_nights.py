"""Compute the nights ahead."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.stars.services import compute_nights


class Command(BaseCommand):
    help = "Compute dusk, dark hours, dawn and the moon for the nights ahead that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{compute_nights(now=timezone.now())} nights computed")
