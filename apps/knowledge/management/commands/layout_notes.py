"""Draw the graph of notes."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.knowledge.layout import layout_notes


class Command(BaseCommand):
    help = "Give every note its place in the picture of the graph."

    def handle(self, *args: Any, **options: Any) -> None:
        report = layout_notes()
        self.stdout.write(f"{report.moved} of {report.notes} notes moved")
