"""What ships can be asked to do; one call per route, command and admin action."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import batched, groupby
from operator import attrgetter
from pathlib import Path
from threading import Event
from typing import BinaryIO, Final

from django.utils import timezone

from apps.ships import heat, partitions, sources
from apps.ships.counts import Counts
from apps.ships.feeds import Feed
from apps.ships.ingestion import Ingestion
from apps.ships.models import IngestCursor, RejectedMessage
from apps.ships.rejection import Reason
from monolith import atomic

POSTED: Final = "post"
PIPED: Final = "pipe"
REPLAYED: Final = "replay"
BATCH_LINES: Final = 10_000

type Progress = Callable[[Counts, int], object]
"""Called after each batch with the counts so far and the offset reached, in bytes."""


def ingest_file(
    *, path: Path, from_start: bool = False, now: datetime | None = None, progress: Progress | None = None
) -> Counts:
    """Ingest a file from where it was left, or from its start, and return what became of its sentences.

    Lines without a TAG time count as received when the file was last written. Raises OSError when the file
    cannot be read.
    """
    cursor = sources.resumed(path)
    if from_start:
        cursor.offset = cursor.line = 0
    received = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    ingestion = Ingestion(source=cursor.source, first_line=cursor.line)
    with path.open("rb") as file:
        file.seek(cursor.offset)
        for chunk in sources.chunks(file, offset=cursor.offset):
            cursor.offset, moment = chunk.end, now or timezone.now()
            ingestion.take(
                chunk.lines, received=received, now=moment, together=_recorder(ingestion, cursor, moment)
            )
            if progress is not None:
                progress(ingestion.counts, chunk.end)
    return _finished(ingestion, cursor, now or timezone.now())


def ingest_stream(*, stream: BinaryIO, source: str = PIPED, progress: Progress | None = None) -> Counts:
    """Ingest a stream until it ends; lines without a TAG time are received when they are read."""
    cursor = IngestCursor(source=source)
    ingestion = Ingestion(source=source)
    for chunk in sources.chunks(stream):
        cursor.offset, now = chunk.end, timezone.now()
        ingestion.take(chunk.lines, received=now, now=now, together=_recorder(ingestion, cursor, now))
        if progress is not None:
            progress(ingestion.counts, chunk.end)
    return _finished(ingestion, cursor, timezone.now())


def ingest_feed(*, feed: Feed, stopping: Event, before_batch: Callable[[], object]) -> Counts:
    """Ingest a feed until told to stop, or until it begins anew; return what became of its sentences.

    What `before_batch` raises ends it, as do OSError and FeedError of the feed; what was taken before is kept.
    """
    cursor = feed.begin()
    ingestion = Ingestion(source=cursor.source, first_line=cursor.line)
    for chunk in feed.chunks(cursor.offset, stopping):
        before_batch()
        cursor.offset, now = chunk.end, timezone.now()
        ingestion.take(
            chunk.lines, received=feed.received(), now=now, together=_recorder(ingestion, cursor, now)
        )
    return _finished(ingestion, cursor, timezone.now())


def ingest_text(*, data: bytes, now: datetime, source: str = POSTED) -> Counts:
    """Ingest a text of sentences, one a line; those without a TAG time are received `now`."""
    cursor = IngestCursor(source=source, offset=len(data))
    ingestion = Ingestion(source=source)
    for lines in batched(sources.lines_of(data), BATCH_LINES):
        ingestion.take(lines, received=now, now=now, together=_recorder(ingestion, cursor, now))
    return _finished(ingestion, cursor, now)


def replay_rejected(*, now: datetime, reason: Reason | None = None, limit: int = 1000) -> Counts:
    """Take stored rejected messages again, oldest first; what is taken now is no longer kept as rejected."""
    rows = RejectedMessage.objects.order_by("at", "id")
    if reason is not None:
        rows = rows.filter(reason=reason.value)
    counts = Counts()
    for at, group in groupby(rows[:limit], key=attrgetter("at")):
        counts.add(_replay(group, at=at, now=now))
    return counts


def roll_up_heat(*, now: datetime) -> int:
    """Bring live heat up to date; return how many cells are new or changed."""
    return heat.roll_up(now=now)


def rotate_partitions(*, now: datetime) -> partitions.Rotation:
    """Make the partitions that are needed next; bank and drop those that are no longer kept."""
    return partitions.rotate(now=now)


def _replay(rows: Iterable[RejectedMessage], *, at: datetime, now: datetime) -> Counts:
    counts = Counts()
    taken: list[int] = []
    lines: list[bytes] = []
    for row in rows:
        sentences = sources.lines_of(row.sentence.encode())
        reading = Ingestion(source=REPLAYED).read(sentences, received=at, now=now)
        if reading.reports or reading.descriptions:
            taken.append(row.pk)
            lines += sentences
        else:
            reason = reading.rejections[0].reason if reading.rejections else Reason.FRAGMENT
            counts.lines += row.sentences
            counts.rejected[reason] += row.sentences
    ingestion = Ingestion(source=REPLAYED)
    ingestion.take(
        lines, received=at, now=now, together=lambda _: RejectedMessage.objects.filter(pk__in=taken).delete()
    )
    counts.add(ingestion.finish())
    return counts


def _recorder(ingestion: Ingestion, cursor: IngestCursor, now: datetime) -> Callable[[Counts], None]:
    return partial(_record, ingestion, cursor, now)


def _record(ingestion: Ingestion, cursor: IngestCursor, now: datetime, counts: Counts) -> None:
    cursor.line = ingestion.line
    sources.record(cursor, counts, now=now)


def _finished(ingestion: Ingestion, cursor: IngestCursor, now: datetime) -> Counts:
    before = ingestion.counts.incomplete
    counts = ingestion.finish()
    if given_up := counts.incomplete - before:
        with atomic():
            sources.record(cursor, Counts(incomplete=given_up), now=now)
    return counts
