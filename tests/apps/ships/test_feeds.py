"""Feeds: a file that grows and is replaced, a server that sends, and what SHIPS_FEED may name."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.test import override_settings

from apps.ships import feeds, services, tasks
from apps.ships.counts import Counts
from apps.ships.feeds import FeedError, FileFeed, TcpFeed
from apps.ships.models import IngestCursor, Position
from apps.ships.permission import IngestDeniedError
from monolith.contracts import forget_decisions
from monolith.jobs.singleton import Leadership, LeaseLost
from tests.apps.ships.nmea import position, voyage

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_ships")]


class Script(threading.Event):
    """Does one thing each time the feed has no more, and then tells it to stop."""

    def __init__(self, *actions: Callable[[], object]) -> None:
        super().__init__()
        self._actions = list(actions)

    def wait(self, timeout: float | None = None) -> bool:
        if not self._actions:
            self.set()
            return True
        self._actions.pop(0)()
        return False


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "now.nmea"


def line(now: datetime, minute: int) -> bytes:
    return position(now - timedelta(minutes=minute), latitude=55 + minute / 100) + b"\n"


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def follow(path: Path, *actions: Callable[[], object]) -> Counts:
    """Follow a file until the last of the actions, and return what it came to."""
    stopping, counts = Script(*actions), Counts()
    while not stopping.is_set():
        counts.add(services.ingest_feed(feed=FileFeed(path), stopping=stopping, before_batch=lambda: None))
    return counts


def test_a_file_is_followed_as_it_grows(file: Path, now: datetime) -> None:
    file.write_bytes(line(now, 1))
    counts = follow(file, lambda: add(file, line(now, 2)), lambda: add(file, line(now, 3) + line(now, 4)))
    assert (counts.lines, counts.stored) == (4, 4)
    cursor = IngestCursor.objects.get()
    assert (cursor.offset, cursor.counts["stored"]) == (file.stat().st_size, 4)


def test_following_goes_on_where_it_was_left(file: Path, now: datetime) -> None:
    file.write_bytes(line(now, 1))
    follow(file)
    add(file, line(now, 2))
    assert follow(file).lines == 1


def test_a_message_whose_parts_come_one_by_one_is_whole(file: Path, now: datetime) -> None:
    first, second = voyage(now)
    file.write_bytes(first + b"\n")
    counts = follow(file, lambda: add(file, second[:10]), lambda: add(file, second[10:] + b"\n"))
    assert (counts.static_update, counts.incomplete) == (2, 0)


def test_a_file_that_takes_the_place_of_another_is_read_from_its_start(file: Path, now: datetime) -> None:
    def replace() -> None:
        add(file, line(now, 2))  # the old one's last, which nobody has read yet
        file.rename(file.with_suffix(".1"))
        file.write_bytes(line(now, 3))

    file.write_bytes(line(now, 1))
    counts = follow(file, replace)
    assert (counts.lines, counts.stored) == (3, 3)


def test_a_file_that_is_cut_is_read_from_its_start(file: Path, now: datetime) -> None:
    file.write_bytes(line(now, 1) + line(now, 2))
    assert follow(file, lambda: file.write_bytes(line(now, 3))).stored == 3


def test_a_file_that_is_away_for_a_moment_is_waited_for(file: Path, now: datetime) -> None:
    file.write_bytes(line(now, 1))
    counts = follow(file, lambda: file.rename(file.with_suffix(".1")), lambda: file.write_bytes(line(now, 2)))
    assert counts.stored == 2


@contextmanager
def server(*parts: bytes, closes: bool = False) -> Iterator[TcpFeed]:
    """Serve one client: send it these, and end the connection or keep it open."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for part in parts:
                connection.sendall(part)
            if not closes:
                over.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield TcpFeed("127.0.0.1", listener.getsockname()[1])
        finally:
            over.set()
            thread.join()


def test_a_connection_is_read_until_told_to_stop(now: datetime) -> None:
    stopping = threading.Event()
    with server(line(now, 1), line(now, 2)[:20], line(now, 2)[20:], line(now, 3)[:9]) as feed:
        counts = services.ingest_feed(feed=feed, stopping=stopping, before_batch=stopping.set)
    assert (counts.lines, counts.stored) == (2, 2)
    assert IngestCursor.objects.get().source == f"tcp://127.0.0.1:{feed.port}"


def test_a_connection_that_ends_is_an_error_and_what_it_said_is_kept(now: datetime) -> None:
    with (
        server(line(now, 1), closes=True) as feed,
        pytest.raises(FeedError, match="has ended the connection"),
    ):
        services.ingest_feed(feed=feed, stopping=threading.Event(), before_batch=lambda: None)
    assert Position.objects.count() == 1


def test_a_connection_that_says_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SILENT_S", 0.2)
    monkeypatch.setattr(feeds, "FLUSH_S", 0.2)
    with server() as feed, pytest.raises(FeedError, match=r"said nothing for 0\.2 s"):
        services.ingest_feed(feed=feed, stopping=threading.Event(), before_batch=lambda: None)


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("", "no feed is configured; set SHIPS_FEED"),
        ("https://x.example/", "is no feed that is known here"),
        ("tcp://x.example", "is no feed"),
        ("tcp://x.example:99999", "is no feed"),
        ("file://host/path", "is no feed"),
        ("file:///not/there.nmea", "/not/there.nmea, which is not there"),
        ("tcp://x.example:4001", ""),
    ],
)
def test_without_a_feed_the_singleton_declines(
    monkeypatch: pytest.MonkeyPatch, named: str, reason: str
) -> None:
    monkeypatch.setenv("SHIPS_FEED", named)
    assert reason in (found := tasks.ingest.declines())
    assert bool(found) == bool(reason)


def test_settings_name_the_feed_before_the_environment(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("SHIPS_FEED", "tcp://x.example:4001")
    assert isinstance(feeds.configured(), TcpFeed)
    with override_settings(SHIPS_FEED=file.as_uri()):
        feed = feeds.configured()
    assert isinstance(feed, FileFeed)
    assert feed.path == file


def test_the_singleton_asks_the_gate_first(
    monkeypatch: pytest.MonkeyPatch, file: Path, now: datetime
) -> None:
    forget_decisions()
    file.write_bytes(line(now, 1))
    monkeypatch.setenv("SHIPS_FEED", file.as_uri())
    with pytest.raises(IngestDeniedError, match="singleton:ingest may not ingest from source:feed"):
        tasks.ingest.work(Leadership(fence=1))
    assert Position.objects.count() == 0


@pytest.mark.usefixtures("ingest_granted")
def test_the_singleton_writes_nothing_once_the_lead_is_lost(
    monkeypatch: pytest.MonkeyPatch, file: Path, now: datetime
) -> None:
    def replace() -> None:
        add(file, line(now, 2))
        lost.set()

    lost, stopping = threading.Event(), Script(replace)
    file.write_bytes(line(now, 1))
    monkeypatch.setenv("SHIPS_FEED", file.as_uri())
    with pytest.raises(LeaseLost):
        tasks.ingest.work(Leadership(fence=1, stopping=stopping, is_lost=lost.is_set))
    assert Position.objects.count() == 1
