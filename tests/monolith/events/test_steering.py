"""Steering messages: what is shown of them, what may be done to which, and by whom."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monolith import BoundaryViolation, atomic, entering
from monolith.contracts.scope import acting, correlated
from monolith.events import correlations, inbox, positions, publish, publish_all, send, steering
from monolith.events.broker import Delivery
from monolith.events.registry import subscribers_by_type
from monolith.jobs import Retry
from monolith.jobs import steering as jobs
from monolith.jobs.steering_errors import JobNotFound, JobNotSteerable, SubscriberNotFound
from monolith.models import Job, OutboxMessage
from monolith.testing.events import Events
from tests.monolith.events.toy import OWNER, READER, Close, Opened, Subscriptions

pytestmark = pytest.mark.django_db(databases="__all__")

NAME = f"apps.{READER}.subscribers.note"


def open_paths(*numbers: int, path: str = "ridge") -> None:
    with entering(OWNER), atomic():
        publish_all([Opened(path=path, number=number) for number in numbers])


@pytest.fixture
def broken() -> set[tuple[str, int]]:
    """What the subscriber of `poisoned` cannot handle."""
    return {("ridge", 1)}


@pytest.fixture
def poisoned(
    events: Events, subscriptions: Subscriptions, broken: set[tuple[str, int]]
) -> list[tuple[str, int]]:
    """Deliver three messages of a key whose first dies, and one of another; returns what is handled."""
    handled: list[tuple[str, int]] = []

    def note(event: Opened) -> None:
        if (event.path, event.number) in broken:
            raise LookupError("poison")
        handled.append((event.path, event.number))

    subscriptions.add(note, retry=Retry(attempts=1))
    open_paths(1, 2, 3)
    open_paths(1, path="valley")
    events.deliver(raising=False)
    return handled


@pytest.fixture
def forsaken(events: Events) -> int:
    """Deliver a message to a module without a subscriber for it; returns the dead letter's job."""
    events.broker.converge({READER: ["hikes.Opened"]})
    open_paths(7)
    consume(events)
    with entering(READER):
        return Job.objects.get().pk


def consume(events: Events) -> None:
    """Move messages as far as the inbox of the reader, subscriber or not."""
    events._relay()
    reader = events.broker.reader(READER)
    with entering(READER):
        position = inbox.begin(reader.stream)
        reader.start_after(position)
        if deliveries := reader.fetch(limit=100, wait_s=0):
            inbox.keep(READER, reader.stream, position, deliveries)


# Seeing.


def test_the_backlog_counts_what_waits_on_its_way_out_and_in(poisoned: object) -> None:
    open_paths(9)
    with entering(OWNER), atomic():
        publish(Opened(path="later"), deliver_at=datetime.now(UTC) + timedelta(hours=1))
        publish(Opened(path="copied"))
        OutboxMessage.objects.filter(partition_key=":copied").update(environment="production")
    out = steering.backlog(OWNER)
    assert (out.unsent, out.timers, out.foreign, out.broker) == (1, 1, 1, None)
    assert out.oldest_s > 0
    row = steering.backlog(READER, in_broker={READER: 4})
    assert (row.broker, row.ready, row.blocked, row.parked, row.dead) == (4, 0, 2, 1, 1)


def test_the_outbox_lists_ours_or_what_others_wrote(events: Events) -> None:
    open_paths(1, 2)
    with entering(OWNER):
        first = OutboxMessage.objects.order_by("position")[0]
        OutboxMessage.objects.filter(pk=first.pk).update(environment="production")
    assert [row.envelope["data"]["number"] for row in steering.list_outbox(OWNER)] == [2]
    (foreign,) = steering.list_outbox(OWNER, foreign=True)
    assert (foreign.id, foreign.environment, foreign.key) == (str(first.id), "production", ":ridge")
    assert steering.list_outbox(OWNER, type_name="hikes.Closed") == []
    assert steering.discard_foreign(OWNER, only="staging") == {}
    assert steering.discard_foreign(OWNER) == {"production": 1}
    assert len(steering.list_outbox(OWNER)) == 1


def test_a_dead_letter_is_shown_with_what_it_holds_up(poisoned: object) -> None:
    (letter,) = steering.dead_letters(READER)
    assert (letter.subscriber, letter.type, letter.key) == (NAME, "hikes.Opened", ":ridge")
    assert (letter.parks, letter.followers, letter.error) == (True, 2, "builtins.LookupError")
    assert steering.dead_letters(READER, type_name="hikes.Other") == []
    assert steering.dead_letters(READER, subscriber="apps.stars.subscribers.other") == []
    found = steering.show(READER, letter.id)
    assert (found.type, found.followers, found.message) == ("hikes.Opened", 2, letter.message)
    assert isinstance(found.envelope, dict)
    assert found.envelope["data"]["number"] == 1


def test_dead_letters_of_a_type_are_found_behind_those_of_others(
    poisoned: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering, "MAX_LISTED", 1)
    with entering(READER):
        (dead,) = Job.objects.filter(status="dead")
        other = json.loads(json.dumps(dead.arguments).replace("hikes.Opened", "hikes.Other"))
        for _ in range(2):
            Job.objects.create(
                task=dead.task,
                arguments=other,
                status="dead",
                message_id=uuid4(),
                finished_at=dead.finished_at,
            )
    assert [each.id for each in steering.dead_letters(READER, type_name="hikes.Opened")] == [dead.pk]
    assert len(steering.dead_letters(READER)) == 3


def test_a_job_without_message_is_none_of_these() -> None:
    with entering(READER):
        job = Job.objects.create(task="apps.stars.tasks.prune", arguments={"args": []}, status="ready")
    with pytest.raises(JobNotSteerable, match="carries no message"):
        steering.show(READER, job.pk)
    with pytest.raises(JobNotFound):
        steering.show(READER, job.pk + 1)


# Steering.


def test_replay_goes_on_in_order(
    poisoned: list[tuple[str, int]], broken: set[tuple[str, int]], events: Events
) -> None:
    broken.clear()
    (letter,) = steering.dead_letters(READER)
    assert steering.replay(READER, letter.id).status == "ready"
    events.deliver()
    assert [number for path, number in poisoned if path == "ridge"] == [1, 2, 3]
    assert steering.backlog(READER).parked == 0


def test_what_was_handled_is_not_handled_twice(poisoned: list[tuple[str, int]], events: Events) -> None:
    with entering(READER):
        handled = Job.objects.filter(status="succeeded").values_list("pk", flat=True)[0]
    assert not jobs.show_job(READER, handled).can_replay
    with pytest.raises(JobNotSteerable, match="was handled, and a message is not handled twice"):
        steering.replay(READER, handled)
    (letter,) = steering.dead_letters(READER)
    assert jobs.show_job(READER, letter.id).can_replay
    steering.discard(READER, letter.id)
    assert jobs.show_job(READER, letter.id).can_replay


def test_discard_lets_the_followers_go_on(poisoned: list[tuple[str, int]], events: Events) -> None:
    (letter,) = steering.dead_letters(READER)
    assert steering.discard(READER, letter.id).status == "discarded"
    events.deliver()
    assert [number for path, number in poisoned if path == "ridge"] == [2, 3]


def test_what_nobody_was_given_goes_to_who_subscribes_now(
    forsaken: int, events: Events, subscriptions: Subscriptions
) -> None:
    (letter,) = steering.dead_letters(READER)
    assert (letter.id, letter.subscriber, letter.type) == (forsaken, "", "hikes.Opened")
    with pytest.raises(JobNotSteerable, match="still has no subscriber"):
        steering.replay(READER, forsaken)
    handled: list[int] = []

    def note(event: Opened) -> None:
        handled.append(event.number)

    subscriptions.add(note)
    assert steering.replay(READER, forsaken).status == "discarded"
    events.deliver()
    assert handled == [7]
    with pytest.raises(JobNotSteerable, match="is discarded"):
        steering.replay(READER, forsaken)


def test_what_is_no_message_is_shown_and_stays(events: Events) -> None:
    with entering(READER):
        inbox.keep(READER, "log", 0, [Delivery(1, b"\xff no json")])
        job = Job.objects.get()
    (letter,) = steering.dead_letters(READER)
    assert (letter.type, letter.key, letter.parks) == ("", "", False)
    assert "no json" in steering.show(READER, job.pk).envelope
    with pytest.raises(JobNotSteerable, match="no message of a FastMonolith system"):
        steering.replay(READER, job.pk)
    assert steering.discard(READER, job.pk).status == "discarded"


def test_a_subscriber_is_switched_off_and_on(subscriptions: Subscriptions) -> None:
    def note(event: Opened) -> None:
        return None

    subscriptions.add(note, parks=False)
    assert not steering.switch(NAME, on=False).is_on
    (row,) = steering.list_subscribers(READER)
    assert (row.name, row.type, row.versions, row.parks, row.is_on) == (
        NAME,
        "hikes.Opened",
        (1, 2),
        False,
        False,
    )
    assert steering.switch(NAME, on=True).is_on
    with pytest.raises(SubscriberNotFound, match=NAME):
        steering.switch("apps.stars.tasks.prune", on=False)


def test_a_module_sees_its_own_messages_and_none_of_anothers(poisoned: object) -> None:
    with entering(READER):
        assert len(steering.dead_letters(READER)) == 1
        for call in _elsewhere():
            with pytest.raises(BoundaryViolation):
                call()
    with entering("scheduler"):
        (letter,) = steering.dead_letters(READER)
        assert steering.replay(READER, letter.id).status == "ready"


def _elsewhere() -> list[Callable[[], object]]:
    return [
        lambda: steering.backlog(OWNER),
        lambda: steering.list_outbox(OWNER),
        lambda: steering.discard_foreign(OWNER),
        lambda: steering.replay(OWNER, 1),
        lambda: positions.positions(OWNER),
        lambda: positions.set_position(OWNER, 1),
        lambda: list(correlations.sightings(OWNER, "x")),
        steering.broker_backlog,
        steering.converge,
    ]


def test_a_trace_finds_each_message_once_with_all_of_its_places(
    events: Events, subscriptions: Subscriptions
) -> None:
    def pass_on(event: Opened) -> None:
        send(Close(path=event.path))

    def note(event: Opened) -> None:
        return None

    subscriptions.add(pass_on)
    subscriptions.add(note)
    with entering(OWNER), acting(tenant="north"), correlated(correlation="request-1"), atomic():
        opened = publish(Opened(path="ridge"))
    with entering(OWNER), acting(tenant="north"), atomic():
        publish(Opened(path="request-1"))  # names it, and belongs to another
    events._relay()
    assert set(subscribers_by_type(READER)) == {"hikes.Opened"}
    events._consume()
    events.jobs.run_due()
    found = correlations.messages(
        each for module in (OWNER, READER) for each in correlations.sightings(module, "request-1")
    )
    assert [(each.type, each.causation) for each in found] == [
        ("hikes.Opened", ""),
        ("stars.Close", str(opened)),
    ]
    assert {(stop.subscriber.rpartition(".")[2], stop.status) for stop in found[0].stops} == {
        ("pass_on", "succeeded"),
        ("note", "succeeded"),
    }
    assert [stop.status for stop in found[1].stops] == ["ready in the outbox"]
