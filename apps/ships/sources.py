"""Where sentences come from: files that may grow, and pipes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from apps.ships.counts import Counts
from apps.ships.models import IngestCursor

# About ten thousand sentences: larger batches share the cost of a commit among more, and lose more with one.
CHUNK: Final = 1_000_000
FINGERPRINTED: Final = 1024  # bytes
SOURCE_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of a source."""

    lines: list[bytes]
    end: int  # the offset behind them, in bytes


def source_name(path: Path) -> str:
    """Return the name under which a file's cursor and rejections are kept: the end of its full path."""
    return str(path.resolve())[-SOURCE_CHARACTERS:]


def chunks(stream: BinaryIO, *, offset: int = 0) -> Iterator[Chunk]:
    """Yield the stream's lines as they come.

    A pipe's lines are handed on as soon as they are there, a file's in chunks. A last line without an end is
    yielded only if it looks whole; else its writer is not done with it and the next run finds it.
    """
    rest = b""
    while data := _some(stream):
        whole, newline, rest = (rest + data).rpartition(b"\n")
        if not newline and len(rest) > CHUNK:  # no lines at all: let it be rejected
            whole, rest = rest, b""
        if whole or newline:
            offset += len(whole) + len(newline)
            yield Chunk(lines_of(whole), offset)
    if rest[-3:-2] == b"*":
        yield Chunk(lines_of(rest), offset + len(rest))


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of `data` without their ends; blank ones stay, they count for line numbers."""
    return [line.strip() for line in data.split(b"\n")]


def fingerprint(path: Path, *, like: str = "") -> str:
    """Return a digest of the file's beginning, with the length it was taken from.

    Given an earlier one, takes the same length: a file that has only grown keeps its fingerprint.
    """
    length = int(like.partition(":")[0]) if like else FINGERPRINTED
    with path.open("rb") as file:
        beginning = file.read(length)
    return f"{len(beginning)}:{hashlib.blake2b(beginning, digest_size=16).hexdigest()}"


def resumed(path: Path) -> IngestCursor:
    """Return where to go on in a file; its beginning when it is not the file that was read before."""
    known = IngestCursor.objects.filter(source=source_name(path)).first()
    if (
        known
        and known.offset <= path.stat().st_size
        and known.fingerprint == fingerprint(path, like=known.fingerprint)
    ):
        return known
    return IngestCursor(source=source_name(path), fingerprint=fingerprint(path))


def record(cursor: IngestCursor, counts: Counts, *, now: datetime) -> None:
    """Store where a source has been read to, and add what that came to. Needs a transaction."""
    known = IngestCursor.objects.select_for_update().filter(source=cursor.source).first()
    total = Counts.from_dict(known.counts if known else {})
    total.add(counts)
    cursor.counts, cursor.updated_at = total.as_dict(), now
    cursor.save()


def _some(stream: BinaryIO) -> bytes:
    read1 = getattr(stream, "read1", stream.read)  # what is there, without waiting for more
    data: bytes = read1(CHUNK)
    return data
