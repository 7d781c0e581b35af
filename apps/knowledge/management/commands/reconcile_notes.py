"""Bring what follows from notes up to date."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.knowledge.reconcile import reconcile_notes


class Command(BaseCommand):
    help = (
        "Derive anew the HTML, links, chunks and vectors of notes that an older version or another embedder made, "
        "and remove search records older than 90 days."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        report = reconcile_notes(now=timezone.now())
        for slug in report.left:
            self.stdout.write(f"left for the next run: {slug}")
        for slug, reason in report.refused.items():
            self.stderr.write(f"{slug}: {reason}")
        self.stdout.write(f"{report.derived} notes derived anew, {report.searches} search records removed")
