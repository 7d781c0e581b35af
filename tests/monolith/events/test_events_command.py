"""`manage.py events`: what it prints for people and programs, its refusals and its exit codes."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from monolith import atomic, entering
from monolith.contracts.scope import correlated
from monolith.events import brokers, inbox, publish_all, steering
from monolith.events.broker import Delivery
from monolith.events.consumer import Consumer
from monolith.events.errors import OutOfStep
from monolith.jobs import Retry
from monolith.models import OutboxMessage
from monolith.testing.events import Events
from tests.monolith.events.toy import OWNER, READER, Opened, Subscriptions

pytestmark = pytest.mark.django_db(databases="__all__")

NAME = f"apps.{READER}.subscribers.note"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which nothing is folded."""
    monkeypatch.setenv("COLUMNS", "250")


@pytest.fixture(autouse=True)
def in_memory(monkeypatch: pytest.MonkeyPatch, events: Events) -> None:
    """The command's process uses the broker of the test."""
    monkeypatch.setattr(steering, "broker", lambda: events.broker)


def command(*words: str) -> str:
    """Run the command; returns what it printed."""
    out = StringIO()
    call_command("events", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def read(*words: str) -> Any:
    return json.loads(command(*words, "--json"))


def open_paths(*numbers: int, path: str = "ridge") -> None:
    with entering(OWNER), correlated(correlation="request-1"), atomic():
        publish_all([Opened(path=path, number=number) for number in numbers])


@pytest.fixture
def handled(events: Events, subscriptions: Subscriptions) -> list[int]:
    """Deliver three messages of a key whose first dies once; returns the numbers of those that are handled."""
    found: list[int] = []
    broken = [1]

    def note(event: Opened) -> None:
        if event.number in broken:
            broken.remove(event.number)
            raise LookupError("[red]poison[/red]")
        found.append(event.number)

    subscriptions.add(note, retry=Retry(attempts=1))
    open_paths(1, 2, 3)
    events.deliver(raising=False)
    return found


def test_a_dead_letter_is_listed_shown_and_replayed(handled: list[int], events: Events) -> None:
    (letter,) = read("dead")["letters"]
    reference = f"{letter['module']}/{letter['id']}"
    assert (letter["subscriber"], letter["parks"], letter["followers"]) == (NAME, True, 2)
    assert reference in command("dead", "--type", "hikes.Opened")
    assert command("dead", "--module", "ships") == "No dead letters.\n"

    text = command("show", reference)
    assert "[red]poison[/red]" in text
    assert '"number": 1' in text
    shown = read("show", reference)
    assert (shown["type"], shown["envelope"]["data"]["number"], shown["followers"]) == ("hikes.Opened", 1, 2)

    assert f"{reference} runs again" in command("replay", reference)
    events.deliver()
    assert handled == [1, 2, 3]


def test_all_dead_letters_of_a_subscriber_are_replayed_or_discarded(
    handled: list[int], events: Events
) -> None:
    assert command("discard", "--all", "--subscriber", "apps.stars.subscribers.other") == "Nothing to do.\n"
    (job,) = read("discard", "--all", "--subscriber", NAME, "--type", "hikes.Opened")["jobs"]
    assert job["status"] == "discarded"
    events.deliver()
    assert handled == [2, 3]
    assert "runs again" in command("replay", f"{READER}/{job['id']}")


def test_what_is_refused_exits_with_1_after_the_others_were_done(handled: list[int]) -> None:
    with entering(READER):
        inbox.keep(READER, "log", 0, [Delivery(1, b"no json")])
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("events", "replay", "--all", stdout=out, stderr=StringIO())
    assert ended.value.code == 1
    assert "runs again" in out.getvalue()
    assert "no message of a FastMonolith system" in out.getvalue()


def test_the_backlog_says_where_messages_wait(handled: list[int], events: Events) -> None:
    open_paths(4)
    events._relay()
    open_paths(5)
    found = read("backlog")
    assert found["broker"] == "reached"
    rows = {row["module"]: row for row in found["backlog"]}
    assert rows[OWNER]["unsent"] == 1
    assert {name: rows[READER][name] for name in ("broker", "blocked", "parked", "dead")} == {
        "broker": 1,
        "blocked": 2,
        "parked": 1,
        "dead": 1,
    }
    assert "parked" in command("backlog", "--module", READER)


def test_a_broker_that_is_away_hides_nothing_else(
    handled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering, "broker", brokers.broker)  # which this process has none of
    found = read("backlog")
    assert "broker" in found["broker"]
    assert {row["module"]: row["dead"] for row in found["backlog"]}[READER] == 1
    with pytest.raises(CommandError, match="broker"):
        command("converge")


def test_the_outbox_is_listed_and_what_is_foreign_discarded(events: Events) -> None:
    open_paths(1)
    with entering(OWNER):
        OutboxMessage.objects.update(environment="production")
    open_paths(2)
    assert [row["envelope"]["data"]["number"] for row in read("outbox")["outbox"]] == [2]
    assert [row["environment"] for row in read("outbox", "--foreign")["outbox"]] == ["production"]
    assert "hikes.Opened" in command("outbox", "--type", "hikes.Opened", "--status", "ready")
    assert read("discard-foreign", "--environment", "staging") == {"discarded": []}
    assert "production" in command("discard-foreign")
    assert command("outbox", "--foreign") == "Nothing waits.\n"
    with pytest.raises(CommandError, match="--limit is 1 to"):
        command("outbox", "--limit", "0")


def test_a_subscriber_is_switched_off_and_on(subscriptions: Subscriptions) -> None:
    def note(event: Opened) -> None:
        return None

    subscriptions.add(note)
    assert "is off; its messages are kept" in command("off", NAME)
    assert [(row["name"], row["is_on"]) for row in read("subscribers")["subscribers"]] == [(NAME, False)]
    assert read("on", NAME)["subscribers"][0]["is_on"]
    assert NAME in command("subscribers")
    with pytest.raises(CommandError, match=f"There are: {NAME}"):
        command("off", "apps.stars.subscribers.other")


def test_the_broker_is_made_as_declared(
    events: Events, subscriptions: Subscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(event: Opened) -> None:
        return None

    subscriptions.add(note)
    events.broker.converge({READER: ["hikes.Gone"]})
    assert {"consumer": READER, "types": ["hikes.Opened"]} in read("converge")["consumers"]
    assert events.broker._consumers[READER].types == {"hikes.Opened", "hikes.Gone"}
    command("converge", "--narrow")
    assert events.broker._consumers[READER].types == {"hikes.Opened"}


def test_positions_are_shown(handled: list[int], events: Events) -> None:
    (row,) = read("positions", "--module", READER)["positions"]
    assert (row["stream"], row["position"]) == (events.broker.stream, 3)
    assert command("positions", "--module", OWNER) == "No positions.\n"


def test_a_trace_is_a_tree(handled: list[int]) -> None:
    found = read("trace", "request-1")["messages"]
    assert [each["type"] for each in found] == ["hikes.Opened"] * 3
    assert found[0]["stops"][0]["status"] == "dead"
    text = command("trace", "request-1")
    assert text.count("hikes.Opened") == 3
    assert f"{NAME} dead" in text
    assert command("trace", "request-2").startswith("No messages of it are known")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["replay"], "not both"),
        (["replay", "stars/1", "--all"], "not both"),
        (["discard", "stars/1", "--type", "hikes.Opened"], "go with --all"),
        (["show", "somewhere"], "write module/number"),
        (["show", "stars/99"], "has no job 99"),
        (["show", "nowhere/1"], "no module 'nowhere'"),
        (["backlog", "--module", "nowhere"], "no module 'nowhere'"),
    ],
)
def test_what_cannot_be_meant_says_how_to_say_it(words: list[str], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        command(*words)


def test_a_position_is_set_by_hand_and_told(
    handled: list[int], events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    def position(*words: str) -> str:
        return command("position", "--module", READER, *words)

    with pytest.raises(CommandError, match="Say --yes"):
        position("--set", "2")
    assert read("positions", "--module", READER)["positions"][0]["position"] == 3
    with pytest.raises(CommandError, match="which module"):
        command("position", "--set", "2", "--yes")
    for words in (["--set", "-1"], ["--set", "2", "--stream", "other"]):
        with pytest.raises(CommandError, match=f"{words[1]} is no position .*{events.broker.stream}"):
            position(*words, "--yes")
    assert "2" in position("--set", "2", "--yes")
    assert f"of {READER} in {events.broker.stream} was set from 3 to 2 by hand" in caplog.text


def test_a_consumer_at_work_goes_on_where_it_was_set(handled: list[int], events: Events) -> None:
    consumer = Consumer(READER, events.broker, until=lambda: False)
    open_paths(4, path="valley")
    events._relay()
    with entering(READER):
        consumer.work()
    (row,) = read("positions", "--module", READER)["positions"]
    open_paths(5, 6, path="valley")
    events._relay()
    command("position", "--module", READER, "--set", str(row["position"] + 1), "--yes")
    with entering(READER):
        with pytest.raises(OutOfStep):
            consumer.work()
        consumer.rest()
        consumer.work()
    events.jobs.run_due()
    assert handled == [4, 6]


def test_who_subscribes_to_nothing_any_more_has_no_consumer(
    events: Events, subscriptions: Subscriptions
) -> None:
    events.broker.converge({READER: ["hikes.Opened"]})
    command("converge")
    assert READER in events.broker.consumers()
    command("converge", "--narrow")
    assert READER not in events.broker.consumers()


def test_a_consumer_that_no_module_declares_is_shown_and_removed(
    handled: list[int], events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    events.broker.converge({"chatter": ["hikes.Opened"]})
    open_paths(4)
    events.deliver()
    assert read("backlog")["undeclared"]["chatter"] == 1
    assert "Nobody reads as chatter" in command("backlog")
    with pytest.raises(CommandError, match="Say --yes"):
        command("converge", "--remove", "chatter")
    with pytest.raises(CommandError, match=f"'{READER}' is declared"):
        command("converge", "--remove", READER, "--yes")
    with pytest.raises(CommandError, match=r"no consumer 'other'\. It has: .*chatter"):
        command("converge", "--remove", "other", "--yes")
    assert "chatter" in command("converge", "--remove", "chatter", "--yes")
    assert "chatter was removed by hand, with 1 messages" in caplog.text
    assert "chatter" not in read("backlog")["undeclared"]
    assert events.broker.backlog(READER) == 0
