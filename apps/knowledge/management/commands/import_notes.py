"""Import a folder or a zip archive of Markdown files."""

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.knowledge.errors import PublishingRefusedError, VaultError
from apps.knowledge.importing import ImportReport, import_notes
from apps.knowledge.publishing import publish_note
from apps.knowledge.vault import MAX_ARCHIVE_BYTES, VaultFile, read_archive, read_folder

SUBJECT: Final = "command:import_notes"


class Command(BaseCommand):
    help = (
        "Store the Markdown files of a folder or a zip archive as notes; the same files again change nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a folder, or a zip archive")
        parser.add_argument(
            "--overwrite", action="store_true", help="let files win over edits that were made here"
        )
        parser.add_argument(
            "--publish",
            action="store_true",
            help=f"publish what asks for it, where compliance allows it to {SUBJECT}",
        )

    def handle(self, *args: Any, path: Path, overwrite: bool, publish: bool, **options: Any) -> None:
        """Raise CommandError when there is nothing to read, or when a file was skipped or a note refused."""
        try:
            report = import_notes(_files(path), overwrite=overwrite)
        except VaultError as error:
            raise CommandError(str(error)) from error
        refused = list(_publish(report.to_publish)) if publish else []
        self._print(report, published=len(report.to_publish) - len(refused) if publish else 0)
        problems = [*(f"{file}: {reason}" for file, reason in report.skipped.items()), *refused]
        if problems:
            raise CommandError("\n".join(problems))

    def _print(self, report: ImportReport, *, published: int) -> None:
        waiting = len(report.to_publish) - published
        self.stdout.write(
            f"{len(report.created)} notes new, {len(report.changed)} changed, {len(report.unchanged)} unchanged, "
            f"{len(report.retired)} retired, {published} published, {waiting} ask to be"
        )


def _files(path: Path) -> Iterable[VaultFile]:
    if not path.is_file():
        return read_folder(path)
    with path.open("rb") as archive:
        return read_archive(archive.read(MAX_ARCHIVE_BYTES + 1))


def _publish(slugs: Iterable[str]) -> Iterator[str]:
    for slug in slugs:
        try:
            publish_note(slug=slug, subject=SUBJECT)
        except PublishingRefusedError as error:
            yield str(error)
