"""Ingest AIS sentences from a file or a pipe."""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from apps.ships import permission, services, sources
from apps.ships.counts import Counts

PIPE = "-"
SUBJECT = "command:ingest_nmea"


class Command(BaseCommand):
    help = "Ingest AIS sentences (NMEA 0183, with or without TAG blocks). A file goes on where it was left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help=f"the file to read, or {PIPE} for standard input")
        parser.add_argument(
            "--from-start", action="store_true", help="read the whole file again; nothing is stored twice"
        )

    def handle(self, *args: Any, file: str, from_start: bool, **options: Any) -> None:
        """Raise CommandError when the gate does not allow it or the file cannot be read."""
        resource = permission.FROM_PIPE if file == PIPE else permission.FROM_FILE
        try:
            permission.require_permission(subject=SUBJECT, resource=resource)
        except permission.IngestDeniedError as error:
            raise CommandError(str(error)) from error
        console = Console(file=cast("IO[str]", self.stdout))
        started = time.monotonic()
        try:
            counts = self._ingest(console, file, from_start=from_start)
        except OSError as error:
            raise CommandError(
                f"Cannot read {file}: {error.strerror}. Name a readable file, or {PIPE}."
            ) from error
        seconds = time.monotonic() - started
        console.print(summary(counts))
        console.print(
            f"{counts.lines:,} sentences in {seconds:.1f} s, {counts.lines / max(seconds, 1e-9):,.0f}/s"
        )

    def _ingest(self, console: Console, file: str, *, from_start: bool) -> Counts:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[lines]:,} lines"),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            total = None if file == PIPE else Path(file).stat().st_size
            bar = progress.add_task("reading", total=total, lines=0)

            def show(counts: Counts, offset: int) -> None:
                progress.update(bar, completed=offset, lines=counts.lines)

            if file == PIPE:
                return services.ingest_stream(stream=sys.stdin.buffer, progress=show)
            counts = services.ingest_file(path=Path(file), from_start=from_start, progress=show)
        left = Path(file).stat().st_size - sources.resumed(Path(file)).offset
        if left:
            console.print(
                f"{left} bytes at the end are an unfinished line; the next run takes it when it is whole"
            )
        return counts


def summary(counts: Counts) -> Table:
    """Return a table of the buckets, rejected ones by reason."""
    table = Table("outcome", "sentences")
    for name, count in counts.as_dict().items():
        if name not in ("lines", "rejected"):
            table.add_row(name.replace("_", " "), f"{count:,}")
    table.add_row("rejected", f"{counts.rejected.total():,}", end_section=not counts.rejected)
    for reason, count in counts.rejected.most_common():
        table.add_row(f"  {reason}", f"{count:,}")
    table.add_section()
    table.add_row("read", f"{counts.lines:,}")
    return table
