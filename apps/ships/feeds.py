"""Feeds: sources that go on for as long as the system does. SHIPS_FEED names the one that `ingest` follows.

`file:///var/ais/now.nmea` is a file that grows, `tcp://receiver.example:4001` a server that sends sentences. Another
kind is a class of `Feed` and a line in `_OPENERS`.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import BinaryIO, Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings
from django.utils import timezone

from apps.ships.models import IngestCursor
from apps.ships.sources import CHUNK, Chunk, chunks, lines_of, resumed

SETTING: Final = "SHIPS_FEED"
EXAMPLES: Final = "file:///var/ais/now.nmea or tcp://receiver.example:4001"
LOOK_S: Final = 0.5  # between two looks at a file that has no more; how late its lines can be
FLUSH_S: Final = 1.0  # how long lines of a connection are gathered: larger batches cost less, and come later
CONNECT_S: Final = 10.0
SILENT_S: Final = 120.0  # a connection that says nothing for so long is taken for dead


class FeedError(Exception):
    """The feed cannot be followed, or not any more; trying again may help."""


class Feed(Protocol):
    """Where sentences keep coming from."""

    def begin(self) -> IngestCursor:
        """Return where to go on. Raises OSError."""

    def chunks(self, offset: int, stopping: Event) -> Iterator[Chunk]:
        """Yield whole lines as they come, until told to stop or until what is there begins anew.

        Raises OSError or FeedError when there will be no more.
        """

    def received(self) -> datetime:
        """Return when lines that tell no time count as received."""


class FileFeed:
    """A file that others add to, also when it is cut or another takes its place."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> IngestCursor:
        return resumed(self.path)

    def chunks(self, offset: int, stopping: Event) -> Iterator[Chunk]:
        with self.path.open("rb") as file:
            while True:
                # Looked at before reading: what was added to the old file before the new one came is read.
                is_over = self._begins_anew(file, offset)
                file.seek(offset)
                for chunk in chunks(file, offset=offset):
                    offset = chunk.end
                    yield chunk
                    if stopping.is_set():
                        return
                if is_over or stopping.wait(LOOK_S):
                    return

    def received(self) -> datetime:
        return min(timezone.now(), datetime.fromtimestamp(self.path.stat().st_mtime, tz=UTC))

    def _begins_anew(self, file: BinaryIO, offset: int) -> bool:
        try:
            there = self.path.stat()
        except FileNotFoundError:  # for a moment, while it is replaced
            return False
        return not os.path.samestat(there, os.fstat(file.fileno())) or there.st_size < offset


class TcpFeed:
    """A server that sends sentences. What it sends while nobody listens is lost."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    def begin(self) -> IngestCursor:
        return IngestCursor(source=f"tcp://{self.host}:{self.port}")

    def chunks(self, offset: int, stopping: Event) -> Iterator[Chunk]:
        with socket.create_connection((self.host, self.port), timeout=CONNECT_S) as connection:
            connection.settimeout(FLUSH_S / 2)
            rest, due, heard, is_over = b"", time.monotonic() + FLUSH_S, time.monotonic(), False
            while not is_over:
                with suppress(TimeoutError):
                    data = connection.recv(CHUNK)
                    rest, heard, is_over = rest + data, time.monotonic(), not data
                is_over = is_over or stopping.is_set() or time.monotonic() - heard > SILENT_S
                if time.monotonic() < due and len(rest) < CHUNK and not is_over:
                    continue
                whole, newline, rest = _whole_lines(rest)
                offset, due = offset + len(whole) + len(newline), time.monotonic() + FLUSH_S
                if whole:
                    yield Chunk(lines_of(whole), offset)
        if not stopping.is_set():
            raise FeedError(f"{self.host} has ended the connection, or said nothing for {SILENT_S:g} s")

    def received(self) -> datetime:
        return timezone.now()


def configured() -> Feed:
    """Return the feed that SHIPS_FEED names. Raises FeedError when that is not one."""
    return _opened(_named())


def why_not() -> str:
    """Say why no feed can be followed here; "" when one can."""
    if not (named := _named()):
        return f"no feed is configured; set {SETTING}, for example to {EXAMPLES}"
    try:
        feed = _opened(named)
    except FeedError as error:
        return str(error)
    if isinstance(feed, FileFeed) and not feed.path.is_file():
        return f"{SETTING} names {feed.path}, which is not there"
    return ""


def _named() -> str:
    return str(getattr(settings, SETTING, os.environ.get(SETTING, "")))


def _opened(named: str) -> Feed:
    address = urlsplit(named)
    try:
        return _OPENERS[address.scheme](address)
    except (KeyError, ValueError):
        raise FeedError(f"{SETTING} is no feed that is known here; write for example {EXAMPLES}") from None


def _file(address: SplitResult) -> Feed:
    if address.netloc or not address.path:
        raise ValueError
    return FileFeed(Path(unquote(address.path)))


def _tcp(address: SplitResult) -> Feed:
    if not address.hostname or not address.port or address.path.strip("/"):
        raise ValueError
    return TcpFeed(address.hostname, address.port)


_OPENERS: Final[Mapping[str, Callable[[SplitResult], Feed]]] = {"file": _file, "tcp": _tcp}


def _whole_lines(data: bytes) -> tuple[bytes, bytes, bytes]:
    whole, newline, rest = data.rpartition(b"\n")
    if not newline and len(rest) > CHUNK:  # no lines at all: let it be rejected
        return rest, b"", b""
    return whole, newline, rest
