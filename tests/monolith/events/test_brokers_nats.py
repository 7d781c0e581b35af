"""What is NATS's alone: its crashes, its permissions, its consumers, and streams that are not ours."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from nats.aio.client import Client

from monolith.events.broker import Broker, Outgoing, Reader
from monolith.events.brokers import open_broker
from monolith.events.brokers.nats import NatsBroker
from monolith.events.errors import BrokerError, BrokerRefused, BrokerUnavailable, OutOfStep
from tests.nats_server import NatsServer, nats_server

WAIT_S: Final = 10.0
ENVIRONMENT: Final = "test"
STREAM: Final = "monolith_test"
NOTE: Final = "knowledge.NoteChanged"
ALLOWED: Final = ["monolith.test.>", "$KV.monolith_test_claims.>", "$JS.API.>", "$JS.ACK.monolith_test.>"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as running:
        yield running


@pytest.fixture
def broker(server: NatsServer) -> Iterator[Broker]:
    made = open_broker(server.url, environment=ENVIRONMENT)
    made.converge({"chat": [NOTE]})
    yield made
    made.close()


def numbered(count: int, start: int = 0) -> list[Outgoing]:
    return [Outgoing(uuid4(), NOTE, str(n).encode()) for n in range(start, start + count)]


def reading(broker: Broker, after: int = 0) -> Reader:
    reader = broker.reader("chat")
    reader.start_after(after)
    return reader


def read(reader: Reader, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        more = reader.fetch(limit=500, wait_s=WAIT_S)
        assert more, f"{len(found)} of {count} came"
        found += [each.body.decode() for each in more]
        reader.acknowledge(more[-1].position)
    return found


def api(server: NatsServer, subject: str, question: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask JetStream directly, as an operator does."""

    async def ask() -> dict[str, Any]:
        client = Client()
        await client.connect(server.url)
        try:
            answer = await client.request(f"$JS.API.{subject}", json.dumps(question or {}).encode())
        finally:
            await client.close()
        found: dict[str, Any] = json.loads(answer.data)
        return found

    return asyncio.run(ask())


def test_a_killed_server_loses_nothing_that_it_confirmed(server: NatsServer, broker: Broker) -> None:
    reader = reading(broker)
    position = 0
    expected = 0
    for _ in range(3):
        assert broker.publish(numbered(700, start=expected)) == 700
        server.kill()
        with pytest.raises(BrokerError):
            broker.publish(numbered(1))
        with pytest.raises(OutOfStep):
            read(reader, 10_000)  # what came before the loss is given out until that is noticed
        server.start()
        reader.start_after(position)
        assert read(reader, 700) == [str(n) for n in range(expected, expected + 700)]
        expected += 700
        position = int(api(server, f"STREAM.INFO.{STREAM}")["state"]["last_seq"])


@pytest.mark.slow
def test_what_was_cut_off_is_sent_again_and_kept_once_in_order(server: NatsServer, broker: Broker) -> None:
    """The relay's part: it sends again whatever was not confirmed, whenever the server was killed."""
    waiting = numbered(10_000)
    stop, killed = threading.Event(), threading.Event()

    def kill_now_and_then() -> None:
        while not stop.wait(0.15):
            server.kill()
            killed.set()
            server.start()

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    sent = 0
    try:
        while sent < len(waiting):
            if sent > len(waiting) / 2:
                killed.wait()
            with suppress(BrokerError):
                sent += broker.publish(waiting[sent : sent + 100])
    finally:
        stop.set()
        killer.join()
    reader = reading(broker)
    assert read(reader, len(waiting)) == [str(n) for n in range(len(waiting))]
    assert list(reader.fetch(limit=10, wait_s=0.3)) == []


def test_a_fetch_that_waits_notices_that_the_server_is_gone(server: NatsServer, broker: Broker) -> None:
    reader = reading(broker)
    timer = threading.Timer(0.3, server.kill)
    timer.start()
    with pytest.raises(OutOfStep, match="lost"):
        reader.fetch(limit=10, wait_s=WAIT_S)
    timer.join()
    with pytest.raises(BrokerUnavailable):
        reader.start_after(0)


def test_a_removed_consumer_is_noticed_and_made_again(server: NatsServer, broker: Broker) -> None:
    reader = reading(broker)
    assert list(reader.fetch(limit=10, wait_s=0)) == []
    assert api(server, f"CONSUMER.DELETE.{STREAM}.chat")["success"]
    with pytest.raises(OutOfStep):
        reader.fetch(limit=10, wait_s=WAIT_S * 2)
    with pytest.raises(BrokerRefused, match="events converge"):
        reader.start_after(0)
    broker.converge({"chat": [NOTE]})
    reader.start_after(0)
    assert broker.publish(numbered(3)) == 3
    assert read(reader, 3) == ["0", "1", "2"]


def test_a_log_that_was_made_anew_is_another(server: NatsServer, broker: Broker) -> None:
    assert broker.publish(numbered(5)) == 5
    reader = reading(broker)
    before = reader.stream
    assert api(server, f"STREAM.DELETE.{STREAM}")["success"]
    broker.converge({"chat": [NOTE]})
    with pytest.raises(OutOfStep, match="made anew"):
        reader.start_after(5)
    assert reader.stream != before
    reader.start_after(0)
    assert broker.publish(numbered(1)) == 1
    assert read(reader, 1) == ["0"]


def test_a_stream_that_is_not_ours_is_left_alone(server: NatsServer) -> None:
    api(server, f"STREAM.CREATE.{STREAM}", {"name": STREAM, "subjects": ["else.>"], "retention": "limits"})
    broker = open_broker(server.url, environment=ENVIRONMENT)
    with pytest.raises(BrokerRefused, match="not ours"):
        broker.converge({"chat": [NOTE]})
    broker.close()
    assert api(server, f"STREAM.INFO.{STREAM}")["config"]["subjects"] == ["else.>"]


def test_settings_of_the_stream_converge_and_an_operators_own_stay(
    server: NatsServer, broker: Broker
) -> None:
    config = api(server, f"STREAM.INFO.{STREAM}")["config"]
    api(server, f"STREAM.UPDATE.{STREAM}", config | {"description": "ours"})
    smaller = open_broker(server.url, environment=ENVIRONMENT, max_bytes=5_000_000)
    smaller.converge({})
    smaller.close()
    config = api(server, f"STREAM.INFO.{STREAM}")["config"]
    assert (config["max_bytes"], config["description"]) == (5_000_000, "ours")


def test_more_replicas_than_servers_are_refused(server: NatsServer) -> None:
    broker = open_broker(server.url, environment=ENVIRONMENT, replicas=3)
    with pytest.raises(BrokerRefused, match="MONOLITH_BROKER_REPLICAS"):
        broker.converge({"chat": [NOTE]})
    broker.close()


def test_a_server_that_takes_no_large_messages_is_refused(tmp_path: Path) -> None:
    with nats_server(tmp_path, {"max_payload": 64 * 1024}) as narrow:
        broker = open_broker(narrow.url, environment=ENVIRONMENT)
        with pytest.raises(BrokerRefused, match=r"65,536 bytes \(its max_payload\).*528,384"):
            broker.converge({"chat": [NOTE]})
        broker.close()


def test_a_client_that_gave_up_is_a_broker_that_is_away(broker: Broker) -> None:
    assert isinstance(broker, NatsBroker)
    reader = reading(broker)
    connection = broker._connected()

    client = connection._client
    client._status = Client.CLOSED  # as nats-py does it by itself, before it has told us
    with pytest.raises(BrokerUnavailable, match="ConnectionClosedError"):
        connection.run(connection.subscribe(connection._answered), "subscribe")
    reader.close()
    client._status = Client.CONNECTED


def test_a_server_without_jetstream_is_refused(tmp_path: Path) -> None:
    with nats_server(tmp_path, {"jetstream": False}) as plain:
        broker = open_broker(plain.url, environment=ENVIRONMENT)
        with pytest.raises(BrokerError, match="JetStream"):
            broker.converge({"chat": [NOTE]})
        broker.close()


def credentials(path: Path, user: str, password: str) -> str:
    file = path / f"{user}.credentials"
    file.write_text(f"{user}\n{password}\n")
    return str(file)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[NatsServer]:
    """A server with a user that may do what the ADR names, and one that may only look."""
    inbox = {"subscribe": "_INBOX.>"}
    users = [
        {"user": "ours", "password": "right", "permissions": {"publish": ALLOWED, **inbox}},
        {"user": "looks", "password": "right", "permissions": {"publish": "$JS.API.*.INFO.>", **inbox}},
    ]
    with nats_server(tmp_path, {"authorization": {"users": users}}) as running:
        yield running


def test_a_user_with_the_documented_permissions_can_do_all(guarded: NatsServer, tmp_path: Path) -> None:
    broker = open_broker(
        guarded.url, environment=ENVIRONMENT, credentials=credentials(tmp_path, "ours", "right")
    )
    broker.converge({"chat": [NOTE]})
    assert broker.publish(numbered(5)) == 5
    reader = reading(broker)
    assert read(reader, 5) == ["0", "1", "2", "3", "4"]
    assert broker.claim("name", holder="me") == "me"
    broker.release("name", holder="me")
    broker.close()


@pytest.mark.parametrize(("user", "password"), [("ours", "wrong"), ("nobody", "right"), ("", "")])
def test_who_is_not_known_is_refused(guarded: NatsServer, tmp_path: Path, user: str, password: str) -> None:
    file = credentials(tmp_path, user, password) if user else ""
    broker = open_broker(guarded.url, environment=ENVIRONMENT, credentials=file)
    with pytest.raises(BrokerRefused, match="MONOLITH_BROKER_CREDENTIALS") as refused:
        broker.publish(numbered(1))
    assert "right" not in str(refused.value).replace("the right user", "")
    broker.close()


def test_what_a_user_may_not_do_is_refused_at_once(guarded: NatsServer, tmp_path: Path) -> None:
    broker = open_broker(
        guarded.url, environment=ENVIRONMENT, credentials=credentials(tmp_path, "looks", "right")
    )
    with pytest.raises(BrokerRefused, match="ermissions"):
        broker.publish(numbered(1))
    with pytest.raises(BrokerRefused, match="ermissions"):
        broker.converge({"chat": [NOTE]})
    broker.close()


@pytest.mark.parametrize("text", ["", "one line", "a\nb\nc\n", "\n\n"])
def test_credentials_that_are_none_are_refused_without_their_text(tmp_path: Path, text: str) -> None:
    file = tmp_path / "credentials"
    file.write_text(text)
    with pytest.raises(BrokerRefused, match="two lines") as refused:
        open_broker("nats://127.0.0.1:1", environment=ENVIRONMENT, credentials=str(file))
    assert not text.strip() or text not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "http://x", "nats://me:secret@host", "nats://a,postgresql://b/c", "postgresql://u:secret@h/d"]
)
def test_addresses_that_are_none_are_refused_without_passwords(url: str) -> None:
    with pytest.raises(BrokerRefused, match="MONOLITH_BROKER_URL") as refused:
        open_broker(url, environment=ENVIRONMENT)
    assert "secret" not in str(refused.value)


def test_a_second_server_is_found_when_the_first_is_away(server: NatsServer) -> None:
    broker = open_broker(f"nats://127.0.0.1:9, {server.url}", environment=ENVIRONMENT)
    broker.converge({"chat": [NOTE]})
    assert broker.publish(numbered(1)) == 1
    broker.close()


def test_one_thread_of_another_broker_is_not_left_behind(server: NatsServer, broker: Broker) -> None:
    def ours() -> int:
        return sum(thread.name == "monolith-nats" for thread in threading.enumerate())

    before = ours()
    for _ in range(3):
        server.kill()
        with pytest.raises(BrokerError):
            broker.publish(numbered(1))
        server.start()
        assert broker.publish(numbered(1)) == 1
    assert ours() == before
    broker.close()
    assert ours() == before - 1
