"""Files that grow, pipes, posts, and what the commands say about them."""

import io
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.ships import sample, services, sources
from apps.ships.models import HeatCell, IngestCursor, LatestPosition, Position, RejectedMessage, Vessel
from apps.ships.rejection import Reason
from apps.ships.sample import generate
from monolith.contracts import forget_decisions
from tests.apps.ships.nmea import ingest, position, voyage

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_ships")]


@pytest.fixture
def lines(now: datetime) -> list[bytes]:
    return [position(now - timedelta(minutes=minute), latitude=55 + minute / 100) for minute in range(20)]


@pytest.fixture
def file(tmp_path: Path, lines: list[bytes]) -> Path:
    path = tmp_path / "a log.nmea"
    path.write_bytes(b"".join(line + b"\r\n" for line in lines))
    return path


def test_file_is_read_once_and_then_only_what_was_added(file: Path, now: datetime) -> None:
    assert services.ingest_file(path=file, now=now).stored == 20
    assert services.ingest_file(path=file, now=now).lines == 0
    with file.open("ab") as log:
        log.write(position(now - timedelta(hours=1)) + b"\n")
    counts = services.ingest_file(path=file, now=now)
    assert (counts.lines, counts.stored) == (1, 1)
    cursor = IngestCursor.objects.get()
    assert (cursor.offset, cursor.line, cursor.counts["stored"]) == (file.stat().st_size, 21, 21)


def test_file_read_from_its_start_again_changes_nothing(file: Path, now: datetime) -> None:
    services.ingest_file(path=file, now=now)
    before = list(LatestPosition.objects.values()), list(Vessel.objects.values()), Position.objects.count()
    counts = services.ingest_file(path=file, now=now, from_start=True)
    assert (counts.stored, counts.duplicate) == (0, 20)
    assert (
        list(LatestPosition.objects.values()),
        list(Vessel.objects.values()),
        Position.objects.count(),
    ) == before


def test_another_file_of_the_same_name_starts_anew(file: Path, now: datetime) -> None:
    services.ingest_file(path=file, now=now)
    file.write_bytes(position(now - timedelta(hours=1)) + b"\n" + file.read_bytes())
    assert services.ingest_file(path=file, now=now).lines == 21


def test_file_that_was_cut_starts_anew(file: Path, lines: list[bytes], now: datetime) -> None:
    services.ingest_file(path=file, now=now)
    file.write_bytes(file.read_bytes()[: file.stat().st_size - len(lines[-1]) - 2])
    assert file.stat().st_size > sources.FINGERPRINTED  # or its fingerprint would tell already
    assert services.ingest_file(path=file, now=now).duplicate == 19


def test_line_that_is_not_finished_waits_for_the_next_run(file: Path, now: datetime) -> None:
    line = position(now - timedelta(hours=1))
    with file.open("ab") as log:
        log.write(line[:40])
    assert services.ingest_file(path=file, now=now).lines == 20
    with file.open("ab") as log:
        log.write(line[40:])
    counts = services.ingest_file(path=file, now=now)
    assert (counts.lines, counts.stored) == (1, 1)


def test_lines_without_a_time_were_received_when_the_file_was_written(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "untagged.nmea"
    path.write_bytes(position())
    written = (now - timedelta(hours=5)).timestamp()
    os.utime(path, (written, written))
    services.ingest_file(path=path, now=now)
    assert Position.objects.get().at == now - timedelta(hours=5)


def test_rejected_line_has_its_number_in_the_file(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "broken.nmea"
    path.write_bytes(b"\n" + position(now) + b"\n\nnonsense*00")
    services.ingest_file(path=path, now=now)
    assert RejectedMessage.objects.get().line == 4


def test_unfinished_message_at_the_end_of_a_source_is_incomplete(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "half.nmea"
    path.write_bytes(voyage(now)[0] + b"\n")
    counts = services.ingest_file(path=path, now=now)
    assert (counts.incomplete, counts.settled) == (1, 1)
    assert IngestCursor.objects.get().counts["incomplete"] == 1


def test_pipe_hands_on_what_it_has(lines: list[bytes]) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as stream, os.fdopen(write_end, "wb", buffering=0) as writer:
        chunks = sources.chunks(stream)
        writer.write(lines[0] + b"\n" + lines[1][:10])
        assert next(chunks).lines == [lines[0]]
        writer.write(lines[1][10:] + b"\n")
        assert next(chunks).lines == [lines[1]]
        writer.close()
        assert list(chunks) == []


def test_endless_line_is_rejected_and_does_not_fill_the_memory(now: datetime) -> None:
    stream = io.BytesIO(b"x" * (3 * sources.CHUNK) + b"\n" + position(now) + b"\n")
    counts = services.ingest_stream(stream=stream)
    assert counts.rejected[Reason.TOO_LONG] >= 1
    assert counts.stored == 1
    assert counts.settled == counts.lines


def test_replay_takes_what_can_be_taken_now(now: datetime) -> None:
    early = now - timedelta(minutes=30)
    ingest([position(now), b"nonsense"], now=early)
    assert {row.reason for row in RejectedMessage.objects.all()} == {Reason.TIME_AHEAD, Reason.NOT_A_SENTENCE}
    counts = services.replay_rejected(now=now)
    assert (counts.lines, counts.stored, counts.rejected[Reason.NOT_A_SENTENCE]) == (2, 1, 1)
    assert Position.objects.get().at == now
    assert RejectedMessage.objects.get().reason == Reason.NOT_A_SENTENCE


def test_replay_of_one_reason_leaves_the_others(now: datetime) -> None:
    ingest([position(now), b"nonsense"], now=now - timedelta(minutes=30))
    counts = services.replay_rejected(now=now, reason=Reason.NOT_A_SENTENCE)
    assert (counts.lines, counts.stored) == (1, 0)
    assert RejectedMessage.objects.count() == 2


def test_replayed_message_of_two_sentences_counts_as_two(now: datetime) -> None:
    ingest(voyage(now), now=now - timedelta(minutes=30))
    assert services.replay_rejected(now=now).static_update == 2
    assert Vessel.objects.get().name == "EXAMPLE"


def test_sample_is_loaded_once_and_ends_now() -> None:
    assert "positions" in sample.load()
    assert Vessel.objects.count() == len(generate.NAMES)
    newest = LatestPosition.objects.order_by("-at")[0].at
    assert abs(datetime.now(newest.tzinfo) - newest) < timedelta(minutes=5)
    assert HeatCell.objects.exists()
    counts = IngestCursor.objects.get(source=sample.SOURCE).counts
    assert counts["moored_repeat"] > 0
    assert counts["rejected"]
    before = Position.objects.count()
    assert "already" in sample.load()
    assert Position.objects.count() == before


def test_sample_file_is_what_the_generator_writes() -> None:
    assert sample.FILE.read_text().splitlines() == list(generate.sample())


@pytest.mark.usefixtures("ingest_granted")
def test_ingest_command_prints_every_bucket(file: Path, now: datetime) -> None:
    with file.open("ab") as log:
        log.write(b"nonsense\n" + position(now)[:20])
    output = io.StringIO()
    call_command("ingest_nmea", str(file), stdout=output)
    text = output.getvalue()
    assert "stored" in text
    assert "not a sentence" in text
    assert "unfinished line" in text


@pytest.mark.usefixtures("ingest_granted")
def test_ingest_command_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Cannot read .*nowhere"):
        call_command("ingest_nmea", str(tmp_path / "nowhere"))


@pytest.mark.usefixtures("ingest_granted")
def test_ingest_command_reads_a_pipe(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(position(now) + b"\n")))
    output = io.StringIO()
    call_command("ingest_nmea", "-", stdout=output)
    assert Position.objects.count() == 1


@pytest.mark.parametrize("source", ["file", "pipe"])
def test_ingest_command_that_is_not_granted_says_what_is_missing_and_reads_nothing(
    file: Path, source: str
) -> None:
    forget_decisions()
    with pytest.raises(
        CommandError, match=rf"command:ingest_nmea may not ingest from source:{source}. Missing: a rule"
    ):
        call_command("ingest_nmea", str(file) if source == "file" else "-")
    assert not IngestCursor.objects.exists()


def test_heat_and_partition_commands_say_what_they_did(now: datetime) -> None:
    ingest([position(now)], now=now)
    output = io.StringIO()
    call_command("roll_up_heat", stdout=output)
    call_command("rotate_partitions", stdout=output)
    assert "1 heat cells are new or changed" in output.getvalue()
    assert "0 dropped" in output.getvalue()
