"""Taking sentences in: batch by batch, each one transaction.

Reading a batch (framing, decoding) is pure and needs no database; writing it needs one. A batch that fails to
be written raises and leaves nothing behind, neither rows nor counts nor a moved cursor.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from apps.ships import announcing, descriptions, partitions, positions, rejections
from apps.ships.ais import Description, Refused, Report, read
from apps.ships.counts import Counts
from apps.ships.rejection import Reason, Rejection
from apps.ships.sentences import Framer, Message
from monolith import atomic

_DAY_MS = 86_400_000


@dataclass(slots=True)
class Reading:
    """What a batch of lines says."""

    lines: int = 0  # that hold anything
    reports: list[Report] = field(default_factory=list)
    descriptions: list[Description] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


class Ingestion:
    """One source's sentences on their way into the database.

    `counts` holds what is committed. Hand it lines with `take`, and call `finish` when the source has ended.
    """

    def __init__(self, *, source: str, first_line: int = 0) -> None:
        self.source = source
        self.counts = Counts()
        self._framer = Framer(line=first_line)
        self._settled = Counts()  # of the framer: parts given up and parts heard twice, so far

    @property
    def line(self) -> int:
        """How many lines of the source have been taken."""
        return self._framer.line

    def take(
        self,
        lines: Sequence[bytes],
        *,
        received: datetime,
        now: datetime,
        together: Callable[[Counts], object] | None = None,
    ) -> Counts:
        """Ingest one batch of lines without their ends and return its counts; some thousands are a good size.

        Blank lines hold no sentence and are not counted. `received` is the time of lines that tell none, `now`
        bounds what times are taken. `together` is called with the batch's counts inside its transaction.
        """
        reading = self.read(lines, received=received, now=now)
        batch = Counts(lines=reading.lines)
        self._count_framing(batch)
        partitions.ensure_days(_days(reading.reports))
        with atomic():
            _write(reading, batch, now=now)
            rejections.keep(reading.rejections, source=self.source, received=received)
            if together is not None:
                together(batch)
        self.counts.add(batch)
        return batch

    def finish(self) -> Counts:
        """Give up the messages that still wait for parts; return the counts of everything taken."""
        self._framer.give_up()
        self._count_framing(self.counts)
        return self.counts

    def read(self, lines: Iterable[bytes], *, received: datetime, now: datetime) -> Reading:
        """Frame and decode lines. Touches no database; a broken line becomes a rejection."""
        reading = Reading()
        received_ms = _ms(received)
        first, last = _ms(partitions.first_taken(now=now)), _ms(partitions.last_taken(now=now))
        take = self._framer.take
        for line in lines:
            if not line:
                self._framer.line += 1
                continue
            reading.lines += 1
            message = take(line, received=received_ms)
            if message is None:
                continue
            if isinstance(message, Rejection):
                reading.rejections.append(message)
            else:
                _read_message(message, reading, first=first, last=last)
        return reading

    def _count_framing(self, counts: Counts) -> None:
        framer, settled = self._framer, self._settled
        counts.incomplete += framer.incomplete - settled.incomplete
        counts.duplicate += framer.duplicates - settled.duplicate
        settled.incomplete, settled.duplicate = framer.incomplete, framer.duplicates


def _read_message(message: Message, reading: Reading, *, first: int, last: int) -> None:
    try:
        if not first <= message.at <= last:
            raise Refused(Reason.TIME_OLD if message.at < first else Reason.TIME_AHEAD)
        report, description = read(message)
    except Refused as refused:
        reading.rejections.append(Rejection(message.line, refused.reason, message.text, message.sentences))
        return
    if report is not None:
        reading.reports.append(report)
    if description is not None:
        reading.descriptions.append(description)


def _write(reading: Reading, counts: Counts, *, now: datetime) -> None:
    first_heard = _first_heard(reading)
    new = descriptions.see(first_heard)
    reports, repeated = positions.once(reading.reports)
    known = positions.newest_stored({report[0] for report in reports})
    selection = positions.select(reports, known, positions.stored_around(reports, known))
    counts.stored, stored_before = positions.insert(selection.kept)
    positions.advance(selection.latest)
    counts.static_update, told_before = descriptions.merge(reading.descriptions, now=now)
    counts.moored_repeat = selection.repeats
    counts.duplicate += repeated + stored_before + told_before
    for rejection in reading.rejections:
        counts.rejected[rejection.reason] += rejection.sentences
    announcing.tell({mmsi: first_heard[mmsi] for mmsi in new}, selection.turns)


def _first_heard(reading: Reading) -> dict[int, int]:
    """Return the earliest time, in milliseconds, at which the batch hears each vessel."""
    first: dict[int, int] = {}
    heard = [(report.mmsi, report.at) for report in reading.reports]
    heard += [(description.mmsi, description.at) for description in reading.descriptions]
    for mmsi, at in heard:
        if at <= first.get(mmsi, at):
            first[mmsi] = at
    return first


def _days(reports: Iterable[Report]) -> set[date]:
    days = {report[1] // _DAY_MS for report in reports}
    return {datetime.fromtimestamp(day * _DAY_MS / 1000, tz=UTC).date() for day in days}


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
