"""What every broker does, whichever it is."""

import threading
from uuid import uuid4

import pytest

from monolith.events.broker import Broker, Outgoing, batches
from monolith.events.errors import BrokerError, BrokerFull, BrokerRefused, BrokerUnavailable, OutOfStep
from tests.monolith.events.broker_use import (
    QUIET_S,
    WAIT_S,
    Open,
    broker,
    eventually,
    keep_all,
    nats,
    notes,
    numbered,
    on_servers,
    open_,
    read,
    read_on,
    read_texts,
    reading,
    rig,
    texts,
)
from tests.monolith.events.brokers_rigs import Rig

__all__ = ["broker", "nats", "open_", "rig"]


def test_messages_come_in_the_order_they_were_published(broker: Broker) -> None:
    keep_all(broker, numbered(1_200))
    keep_all(broker, numbered(1, start=1_200))

    found = read(reading(broker), 1_201)

    assert texts(found) == [str(n) for n in range(1_201)]
    positions = [each.position for each in found]
    assert positions == sorted(set(positions))


def test_nothing_comes_when_there_is_nothing(broker: Broker) -> None:
    reader = reading(broker)
    assert list(reader.fetch(limit=10, wait_s=0)) == []
    assert list(reader.fetch(limit=10, wait_s=QUIET_S)) == []


def test_a_waiting_reader_is_woken(broker: Broker) -> None:
    reader = reading(broker)
    timer = threading.Timer(QUIET_S, lambda: broker.publish(notes("late")))
    timer.start()
    assert read_texts(reader, 1) == ["late"]
    timer.join()


def test_an_id_is_kept_once(broker: Broker) -> None:
    one, two = notes("one", "two")
    keep_all(broker, [one])
    keep_all(broker, [one])
    keep_all(broker, [one, two, one])

    reader = reading(broker)
    assert read_texts(reader, 2) == ["one", "two"]
    assert list(reader.fetch(limit=10, wait_s=QUIET_S)) == []


def test_a_batch_with_known_ids_keeps_the_rest_in_order(broker: Broker) -> None:
    batch = numbered(6)
    keep_all(broker, [batch[0], batch[3]])
    keep_all(broker, batch)
    assert read_texts(reading(broker), 6) == ["0", "3", "1", "2", "4", "5"]


def test_threads_publish_at_once_and_each_keeps_its_order(broker: Broker) -> None:
    def publish(name: str) -> None:
        for start in range(0, 300, 50):
            keep_all(broker, notes(*(f"{name}-{n}" for n in range(start, start + 50))))

    threads = [threading.Thread(target=publish, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    found = read_texts(reading(broker), 1_200)
    for thread in threads:
        thread.join()
    for name in "abcd":
        assert [each for each in found if each.startswith(name)] == [f"{name}-{n}" for n in range(300)]


def test_a_full_broker_keeps_the_first_and_goes_on_when_consumers_have_caught_up(open_: Open) -> None:
    broker = open_(max_bytes=20_000)
    broker.converge({"chat": ["knowledge.NoteChanged"]})
    waiting = notes(*(f"{n:<1000}" for n in range(100)))
    reader = reading(broker)

    kept = broker.publish(waiting)
    assert 0 < kept < 25
    with pytest.raises(BrokerFull, match="MONOLITH_BROKER_MAX_BYTES"):
        broker.publish(waiting[kept:])

    found: list[str] = []
    while len(found) < 100:
        more = read(reader, 1)
        found += texts(more)
        reader.acknowledge(more[-1].position)
        try:
            kept += broker.publish(waiting[kept:])
        except BrokerFull:
            continue
    assert [int(each) for each in found] == list(range(100))


def test_what_is_acknowledged_is_let_go_when_all_that_want_it_did(open_: Open) -> None:
    broker = open_(max_bytes=20_000)
    broker.converge({"chat": ["knowledge.NoteChanged"], "home": ["knowledge.NoteChanged"]})
    kept = broker.publish(notes(*(f"{n:<1000}" for n in range(100))))
    chat, home = reading(broker), reading(broker, "home")

    chat.acknowledge(read(chat, kept)[-1].position)
    eventually(lambda: broker.backlog("chat") == 0)
    with pytest.raises(BrokerFull):
        broker.publish(notes("x" * 1_000))

    home.acknowledge(read(home, kept)[-1].position)
    eventually(lambda: broker.backlog("home") == 0)
    eventually(lambda: _takes(broker))


def _takes(broker: Broker) -> bool:
    try:
        return broker.publish(notes("x" * 1_000)) == 1
    except BrokerFull:
        return False


def test_an_id_that_is_kept_no_more_may_come_again(broker: Broker) -> None:
    unwanted = Outgoing(uuid4(), "ships.Arrived", b"now wanted")
    keep_all(broker, [unwanted])
    broker.converge({"chat": ["ships.Arrived"]})
    keep_all(broker, [unwanted])
    assert read_texts(reading(broker), 1) == ["now wanted"]


def test_the_backlog_counts_what_waits(broker: Broker) -> None:
    keep_all(broker, numbered(10))
    assert broker.backlog("chat") == 10
    reader = reading(broker)
    found = read(reader, 10)
    reader.acknowledge(found[3].position)
    eventually(lambda: broker.backlog("chat") == 6)


def test_a_reader_begins_where_it_is_told(broker: Broker) -> None:
    keep_all(broker, numbered(10))
    reader = reading(broker)
    found = read(reader, 10)

    reader.start_after(found[4].position)
    assert read_texts(reader, 5) == ["5", "6", "7", "8", "9"]
    reader.close()
    other = reading(broker, after=found[7].position)
    assert read_texts(other, 2) == ["8", "9"]


def test_a_reader_that_has_not_begun_says_so(broker: Broker) -> None:
    reader = broker.reader("chat")
    with pytest.raises(OutOfStep, match="start_after"):
        reader.fetch(limit=1, wait_s=0)
    reader.start_after(0)
    reader.close()
    with pytest.raises(OutOfStep, match="start_after"):
        reader.fetch(limit=1, wait_s=0)


def test_of_two_readers_of_one_consumer_the_first_notices_and_nothing_is_missed(broker: Broker) -> None:
    keep_all(broker, numbered(20))
    first = reading(broker)
    seen = read(first, 5, limit=5)
    second = broker.reader("chat")
    assert texts(read_on(second, 15, after=seen[-1].position)) == [str(n) for n in range(5, 20)]

    keep_all(broker, numbered(20, start=20))
    with pytest.raises(OutOfStep):
        read(first, 100, limit=5)
    assert texts(read_on(second, 35, after=seen[-1].position)) == [str(n) for n in range(5, 40)]
    # The one that noticed has let go: it takes nothing away any more.
    keep_all(broker, numbered(20, start=40))
    assert read_texts(second, 20) == [str(n) for n in range(40, 60)]


def test_a_position_beyond_the_log_is_refused(broker: Broker) -> None:
    keep_all(broker, numbered(1))
    with pytest.raises(BrokerRefused, match="log ends at 1"):
        reading(broker, after=1_000)


@on_servers
def test_a_reader_holds_little_of_a_large_backlog(broker: Broker) -> None:
    large = "x" * 400_000
    keep_all(broker, [each for n in range(60) for each in notes(f"{n} {large}")])
    reader = reading(broker)
    seen = list(reader.fetch(limit=50, wait_s=0))
    threading.Event().wait(QUIET_S)  # let it run ahead as far as it may
    most = 0
    while len(seen) < 60:
        more = reader.fetch(limit=50, wait_s=WAIT_S)
        assert more
        most = max(most, sum(len(each.body) for each in more))
        seen += more
        reader.acknowledge(seen[-1].position)
    assert [int(each.body.split()[0]) for each in seen] == list(range(60))
    assert most <= 17_000_000  # of 24: twice what one request may bring, and one message


def test_a_consumer_that_is_away_loses_nothing(broker: Broker) -> None:
    broker.converge({"home": ["knowledge.NoteChanged", "ships.Arrived"]})
    chat = reading(broker)
    for start in range(0, 1_000, 100):
        keep_all(broker, numbered(100, start=start))
        chat.acknowledge(read(chat, 100)[-1].position)
    eventually(lambda: broker.backlog("chat") == 0)
    assert read_texts(reading(broker, "home"), 1_000) == [str(n) for n in range(1_000)]


def test_what_nobody_wants_is_dropped_and_counts_as_kept(open_: Open) -> None:
    broker = open_(max_bytes=20_000)
    broker.converge({"chat": ["knowledge.NoteChanged"]})
    for _ in range(30):
        keep_all(broker, notes(*["x" * 1_000] * 10, type_="stars.Risen"))
    mixed = [each for n in range(5) for each in (*notes("no", type_="stars.Risen"), *notes(str(n)))]
    keep_all(broker, mixed)
    assert read_texts(reading(broker), 5) == ["0", "1", "2", "3", "4"]


def test_each_consumer_gets_what_it_wants(broker: Broker) -> None:
    broker.converge({"home": ["ships.Arrived"]})
    keep_all(broker, [*notes("note"), *notes("ship", type_="ships.Arrived")])
    assert read_texts(reading(broker, "home"), 1) == ["ship"]
    assert read_texts(reading(broker), 1) == ["note"]


def test_an_older_process_takes_nothing_away(broker: Broker) -> None:
    broker.converge({"chat": ["ships.Arrived"]})
    broker.converge({"chat": ["knowledge.NoteChanged"]})
    keep_all(broker, [*notes("note"), *notes("ship", type_="ships.Arrived")])
    assert read_texts(reading(broker), 2) == ["note", "ship"]


def test_narrowing_lets_go_of_what_nobody_wants_any_more(open_: Open) -> None:
    broker = open_(max_bytes=20_000)
    broker.converge({"chat": ["knowledge.NoteChanged", "ships.Arrived"]})
    filling = notes(*["x" * 1_000] * 30, type_="ships.Arrived")
    assert broker.publish(filling) < 30

    broker.converge({"chat": ["knowledge.NoteChanged"]}, narrow=True)

    eventually(lambda: _takes(broker))
    keep_all(broker, notes("ship", type_="ships.Arrived"))
    assert read_texts(reading(broker), 1)[0][0] == "x"
    assert broker.backlog("chat") == 1


def test_a_consumer_that_wants_nothing_is_removed_by_narrowing(broker: Broker) -> None:
    broker.converge({"chat": []})
    assert broker.backlog("chat") == 0
    keep_all(broker, numbered(3))
    broker.converge({"chat": []}, narrow=True)
    with pytest.raises(BrokerRefused, match="events converge"):
        broker.backlog("chat")
    with pytest.raises(BrokerRefused, match="events converge"):
        reading(broker)


def test_processes_converge_at_once(open_: Open) -> None:
    brokers = [open_() for _ in range(6)]
    threads = [
        threading.Thread(target=each.converge, args=({"chat": [f"knowledge.Type{n}"]},))
        for n, each in enumerate(brokers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(6):
        keep_all(brokers[0], notes(str(n), type_=f"knowledge.Type{n}"))
    assert read_texts(reading(brokers[0]), 6) == [str(n) for n in range(6)]


def test_without_its_log_a_broker_refuses(open_: Open) -> None:
    broker = open_()
    with pytest.raises(BrokerError):
        broker.publish(numbered(1))
    with pytest.raises(BrokerRefused, match="events converge"):
        broker.reader("chat")


def test_environments_do_not_meet(open_: Open) -> None:
    here, there = open_(), open_(environment="another")
    for each in (here, there):
        each.converge({"chat": ["knowledge.NoteChanged"]})
    keep_all(here, notes("here"))
    keep_all(there, notes("there"))
    assert here.reader("chat").stream != there.reader("chat").stream
    assert read_texts(reading(here), 1) == ["here"]
    assert here.backlog("chat") == 1
    assert here.claim("name", holder="me") == "me"
    assert there.claim("name", holder="you") == "you"


def test_a_reader_goes_on_after_its_broker_was_closed_and_opened(open_: Open) -> None:
    one = open_()
    one.converge({"chat": ["knowledge.NoteChanged"]})
    keep_all(one, numbered(10))
    reader = reading(one)
    stream, position = reader.stream, read(reader, 4, limit=4)[-1].position
    reader.close()
    one.close()

    reader = open_().reader("chat")
    assert reader.stream == stream
    reader.start_after(position)
    assert read_texts(reader, 6) == [str(n) for n in range(4, 10)]


@on_servers
def test_nobody_there(rig: Rig, open_: Open) -> None:
    # A port that nobody listens on.
    url = "nats://127.0.0.1:9" if rig.kind == "nats" else "postgresql://127.0.0.1:9/none"
    broker = open_(url=url)
    for use in (
        lambda: broker.publish(numbered(1)),
        lambda: broker.converge({"chat": ["knowledge.NoteChanged"]}),
        lambda: broker.reader("chat"),
        lambda: broker.claim("name", holder="me"),
    ):
        with pytest.raises(BrokerUnavailable):
            use()


def test_a_delivery_says_as_what_it_was_published(open_: Open) -> None:
    broker = open_()
    broker.converge({"chat": ["knowledge.NoteChanged", "hikes.Opened"]})
    broker.publish([*notes("a"), *notes("b", type_="hikes.Opened")])
    found = [(each.type, each.body) for each in read(reading(broker), 2)]
    assert found == [("knowledge.NoteChanged", b"a"), ("hikes.Opened", b"b")]


def test_large_messages_go_in_several_batches(broker: Broker) -> None:
    waiting = notes(*(f"{n:<500000}" for n in range(40)))
    assert [len(each) for each in batches(waiting)] == [17, 17, 6]
    assert [len(each) for each in batches(numbered(1_200))] == [500, 500, 200]
    assert broker.publish(waiting) == 40
    assert [int(each) for each in texts(read(reading(broker), 40))] == list(range(40))


@on_servers
def test_a_reader_that_begins_before_what_was_acknowledged_says_so(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.converge({"home": ["hikes.Opened"]})
    broker.publish(numbered(5))
    reader = reading(broker)
    found = read(reader, 5)
    reader.acknowledge(found[-1].position)
    eventually(lambda: broker.backlog("chat") == 0)
    broker.publish(notes("another's", type_="hikes.Opened"))
    reader.start_after(found[-1].position)
    reading(broker, "home")
    assert not caplog.records
    reader.start_after(found[1].position)
    assert (
        f"after position {found[1].position}, and has acknowledged up to {found[-1].position}" in caplog.text
    )


def test_consumers_are_listed_until_they_are_removed(open_: Open) -> None:
    broker = open_()
    broker.converge({"home": ["hikes.Opened"], "chat": ["knowledge.NoteChanged"]})
    assert broker.consumers() == ["chat", "home"]
    broker.converge({"home": [], "never": []}, narrow=True)
    assert broker.consumers() == ["chat"]
