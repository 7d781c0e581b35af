"""Traffic to start with; `load` brings it in."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("ships.nmea")
SOURCE: Final = "sample"
_TAGGED: Final = re.compile(r"\\(?:s:([^,*]*),)?c:(\d+)\*[0-9A-F]{2}\\(.*)")


def load() -> str:
    """Ingest this folder's sentences once, moved in time so that the last was heard now, and roll up heat.

    Moved, because positions are kept for days and heat looks at seven: a sample of fixed dates would be refused
    as too old. Returns what it did in one line.
    """
    # Here, because settings name this function before Django is ready.
    from django.utils import timezone

    from apps.ships import services
    from apps.ships.models import IngestCursor
    from monolith import entering

    with entering("ships"):
        if IngestCursor.objects.filter(source=SOURCE).exists():
            return "the sample is there already"
        now = timezone.now()
        lines = FILE.read_text(encoding="ascii").splitlines()
        data = "\n".join(shifted(lines, ends_at=int(now.timestamp()) * 1000)).encode()
        counts = services.ingest_text(data=data, now=now, source=SOURCE)
        cells = services.roll_up_heat(now=now)
    return (
        f"{counts.stored} positions of {counts.lines} sentences stored, "
        f"{counts.rejected.total()} rejected, {cells} heat cells"
    )


def shifted(lines: Iterable[str], *, ends_at: int) -> Iterator[str]:
    """Yield tagged lines with their times moved so that the last is `ends_at`, in milliseconds since 1970."""
    from apps.ships.sentences import tagged

    parsed = [match.groups() for line in lines if (match := _TAGGED.fullmatch(line))]
    by = ends_at - max(int(time) for _, time, _ in parsed) * 1000
    for source, time, sentence in parsed:
        yield tagged(sentence, at=int(time) * 1000 + by, source=source or "")
