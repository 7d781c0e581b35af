"""From publish() to the subscriber: once, in the order of the key, with what the message brings along."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monolith import atomic, current_module, entering
from monolith.contracts.scope import acting, call_scope, correlated
from monolith.events import cancel, inbox, outbox, publish, publish_all, reschedule, send
from monolith.events import steering as messages
from monolith.events.broker import MAX_BATCH, MAX_BATCH_BYTES, Delivery
from monolith.events.errors import MessageTooLarge, NotAPublisher, OutOfStep
from monolith.events.relay import Relay, relay_once
from monolith.jobs import Retry, steering
from monolith.jobs.steering_errors import JobNotSteerable
from monolith.models import Job, OutboxMessage
from monolith.testing.events import Events
from monolith.testing.jobs import Jobs
from tests.monolith.events.toy import OWNER, READER, Close, Opened, Subscriptions

pytestmark = pytest.mark.django_db(databases="__all__")


def open_paths(*numbers: int, path: str = "ridge") -> None:
    with entering(OWNER), atomic():
        publish_all([Opened(path=path, number=number) for number in numbers])


def test_a_message_commits_with_the_transaction_that_publishes_it(events: Events) -> None:
    with entering(OWNER), atomic():
        publish(Opened(path="ridge", number=1))
    assert events.published(Opened) == [Opened(path="ridge", number=1)]


def test_a_message_vanishes_with_the_transaction_that_publishes_it(events: Events) -> None:
    with entering(OWNER):
        with suppress(RuntimeError), atomic():
            publish(Opened(path="ridge"))
            raise RuntimeError("undone")
        assert not OutboxMessage.objects.exists()


def test_only_the_owner_publishes_an_event_and_anybody_sends_a_command(
    events: Events, subscriptions: Subscriptions
) -> None:
    closed: list[str] = []

    def close(command: Close) -> None:
        closed.append(command.path)

    subscriptions.add(close)
    with entering(READER), atomic(), pytest.raises(NotAPublisher, match="belongs to 'hikes'"):
        publish(Opened(path="ridge"))
    with entering(OWNER), atomic():
        send(Close(path="ridge"))
    events.deliver()
    assert closed == ["ridge"]


def test_a_subscriber_is_given_the_message_as_its_module_and_on_behalf_of_who_published(
    events: Events, subscriptions: Subscriptions
) -> None:
    seen: list[tuple[str, str, str, str]] = []

    def note(event: Opened) -> None:
        scope = call_scope()
        seen.append((current_module(), scope.tenant, scope.correlation, scope.causation))

    subscriptions.add(note)
    with entering(OWNER), acting(tenant="north"), correlated(correlation="request-1"), atomic():
        message = publish(Opened(path="ridge"))
    events.deliver()
    assert seen == [(READER, "north", "request-1", str(message))]


def test_what_a_subscriber_publishes_is_caused_by_what_it_was_given(
    events: Events, subscriptions: Subscriptions
) -> None:
    def pass_on(event: Opened) -> None:
        send(Close(path=event.path))

    def close(command: Close) -> None:
        return None

    subscriptions.add(pass_on)
    subscriptions.add(close)
    open_paths(1)
    events.deliver()
    opened, closed = events.envelopes()
    assert (closed.correlation_id, closed.causation_id) == (opened.correlation_id, str(opened.id))
    assert (opened.correlation_id, opened.causation_id) == (str(opened.id), "")


def test_messages_of_a_key_come_in_their_order_and_a_message_that_comes_again_is_not_handled_again(
    events: Events, subscriptions: Subscriptions
) -> None:
    numbers = subscriptions.noting()
    open_paths(*range(20))
    with entering(OWNER):
        again = outbox.unsent(100)
    events.deliver()
    events.broker.publish(again)
    events.deliver()
    assert numbers == list(range(20))


def test_a_dead_letter_parks_its_key_and_others_flow_and_replay_goes_on_in_order(
    events: Events, subscriptions: Subscriptions, jobs: Jobs
) -> None:
    handled: list[tuple[str, int]] = []
    broken = {("ridge", 2)}

    def note(event: Opened) -> None:
        if (event.path, event.number) in broken:
            raise RuntimeError("cannot")
        handled.append((event.path, event.number))

    subscriptions.add(note, retry=Retry(attempts=3, first_s=1))
    open_paths(1, 2, 3, 4)
    open_paths(1, 2, path="valley")
    events.deliver(raising=False)
    events.deliver_for(minutes=1, raising=False)
    assert handled == [("ridge", 1), ("valley", 1), ("valley", 2)]
    with entering(READER):
        statuses = [
            job.status for job in Job.objects.filter(concurrency_key__endswith="ridge").order_by("id")
        ]
        (dead,) = Job.objects.filter(status="dead")
    assert statuses == ["succeeded", "dead", "blocked", "blocked"]
    open_paths(5)
    events.deliver(raising=False)
    assert ("ridge", 5) not in handled
    broken.clear()
    steering.replay(READER, dead.pk)
    events.deliver()
    assert [number for path, number in handled if path == "ridge"] == [1, 2, 3, 4, 5]


def test_discarding_the_dead_letter_lets_its_followers_go_on(
    events: Events, subscriptions: Subscriptions
) -> None:
    handled: list[int] = []

    def note(event: Opened) -> None:
        if event.number == 1:
            raise RuntimeError("cannot")
        handled.append(event.number)

    subscriptions.add(note, retry=Retry(attempts=1))
    open_paths(1, 2, 3)
    events.deliver(raising=False)
    with entering(READER):
        dead = Job.objects.get(status="dead")
    steering.discard(READER, dead.pk)
    events.deliver()
    assert handled == [2, 3]


def test_a_subscriber_that_skips_loses_the_dead_letter_alone(
    events: Events, subscriptions: Subscriptions
) -> None:
    handled: list[int] = []

    def note(event: Opened) -> None:
        if event.number == 1:
            raise RuntimeError("cannot")
        handled.append(event.number)

    subscriptions.add(note, retry=Retry(attempts=1), parks=False)
    open_paths(1, 2, 3)
    events.deliver(raising=False)
    assert handled == [2, 3]


def test_what_waits_for_its_retry_holds_up_what_follows(
    events: Events, subscriptions: Subscriptions, jobs: Jobs
) -> None:
    handled: list[int] = []
    failures = [1]

    def note(event: Opened) -> None:
        if failures:
            failures.pop()
            raise RuntimeError("not yet")
        handled.append(event.number)

    subscriptions.add(note)
    open_paths(1, 2)
    events.deliver(raising=False)
    assert handled == []
    events.deliver_for(minutes=1)
    assert handled == [1, 2]


def test_an_older_version_is_brought_up_to_date_and_an_unknown_one_is_a_dead_letter_at_once(
    events: Events, subscriptions: Subscriptions
) -> None:
    handled = subscriptions.noting()
    open_paths(1, 2)
    with entering(OWNER):
        first, second = OutboxMessage.objects.order_by("position")
        first.envelope = first.envelope.replace('"dataversion":2', '"dataversion":1').replace(
            '"number":1', '"nr":7'
        )
        second.envelope = second.envelope.replace('"dataversion":2', '"dataversion":3')
        for message in (first, second):
            message.save()
    runs = events.deliver(raising=False)
    assert handled == [7]
    assert [run.status for run in runs] == ["succeeded", "dead"]
    assert "version 3, and this process reads 1, 2" in str(runs[1].error)


def test_a_message_without_subscriber_here_is_a_dead_letter_with_a_clear_error(events: Events) -> None:
    events.broker.converge({READER: ["hikes.Opened"]})
    open_paths(1)
    with entering(OWNER):
        relay_once(events.broker)
    reader = events.broker.reader(READER)
    reader.start_after(0)
    with entering(READER):
        inbox.keep(READER, reader.stream, 0, reader.fetch(limit=10, wait_s=0))
        dead = Job.objects.get()
    assert (dead.status, dead.task) == ("dead", inbox.NOBODY)
    assert "no subscriber of hikes.Opened" in dead.errors[0]["traceback"]


def test_a_timer_fires_at_its_time_and_can_be_moved_and_cancelled_until_then(
    events: Events, subscriptions: Subscriptions, jobs: Jobs
) -> None:
    handled: list[str] = []

    def note(event: Opened) -> None:
        handled.append(event.path)

    subscriptions.add(note)
    soon = datetime.now(UTC) + timedelta(hours=1)
    with entering(OWNER), atomic():
        publish(Opened(path="fires"), deliver_at=soon)
        moved = publish(Opened(path="moved"), deliver_at=soon)
        gone = publish(Opened(path="cancelled"), deliver_at=soon)
        assert reschedule(moved, soon + timedelta(hours=1))
        assert cancel(gone)
    events.deliver_for(minutes=50)
    assert handled == []
    events.deliver_for(minutes=20)
    assert handled == ["fires"]
    events.deliver_for(hours=1)
    assert handled == ["fires", "moved"]
    with entering(OWNER), atomic():
        assert not cancel(moved)
        assert not reschedule(moved, soon)


def test_what_another_environment_wrote_is_never_sent(events: Events, subscriptions: Subscriptions) -> None:
    events.broker.converge({READER: ["hikes.Opened"]})
    open_paths(1)
    with entering(OWNER):
        OutboxMessage.objects.update(environment="production")
    assert events.deliver() == []
    with entering(OWNER):
        assert OutboxMessage.objects.count() == 1


def test_a_message_that_is_too_large_is_refused_where_it_is_published() -> None:
    with entering(OWNER), atomic(), pytest.raises(MessageTooLarge, match="at most 524,288"):
        publish(Opened(path="ridge", text="x" * 600_000))


def test_a_zero_byte_is_refused_where_it_is_published() -> None:
    with entering(OWNER), atomic(), pytest.raises(ValueError, match="zero byte"):
        publish(Opened(path="a\0b"))


def test_a_subscriber_that_is_switched_off_is_given_nothing_until_it_is_switched_on(
    events: Events, subscriptions: Subscriptions
) -> None:
    handled: list[int] = []

    def note(event: Opened) -> None:
        handled.append(event.number)

    added = subscriptions.add(note)
    steering.switch(added.module_path, on=False)
    open_paths(1, 2)
    events.deliver()
    assert handled == []
    open_paths(3)
    events.deliver()
    steering.switch(added.module_path, on=True)
    events.deliver()
    assert handled == [1, 2, 3]


def test_a_message_of_another_environment_that_is_in_the_inbox_already_is_given_to_nobody(
    events: Events, subscriptions: Subscriptions
) -> None:
    handled = subscriptions.noting()
    events.broker.converge({READER: ["hikes.Opened"]})
    with entering(OWNER), atomic():
        publish(Opened(path="ridge"))
        row = OutboxMessage.objects.get()
        row.envelope = row.envelope.replace(f"/{row.environment}/", "/production/")
        row.save()
    (run,) = events.deliver(raising=False)
    assert (handled, run.status) == ([], "dead")
    assert "'production'" in str(run.error)


@pytest.mark.parametrize(
    "damage",
    [
        ('"dataversion":2', '"dataversion":1e999'),
        ('"data":{', '"data":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + ',"more":{'),
        ('"path":"ridge"', '"path":"\\u0000"'),
        ('"specversion":"1.0"', '"specversion":"7"'),
    ],
    ids=["overflow", "depth", "zero", "foreign"],
)
def test_a_poisonous_message_is_a_dead_letter_and_those_behind_it_come(
    events: Events, subscriptions: Subscriptions, damage: tuple[str, str]
) -> None:
    handled = subscriptions.noting()
    events.broker.converge({READER: ["hikes.Opened"]})
    open_paths(1, 2)
    with entering(OWNER):
        first, *_ = outbox.unsent(10)
        outbox.sent([first])
    body = first.body.decode().replace(*damage)
    events.broker.publish([replace(first, body=body.encode())])
    events.deliver()
    assert handled == [2]
    with entering(READER):
        assert Job.objects.filter(status="dead", task=inbox.NOBODY).count() == 1


def test_what_an_older_process_did_not_know_comes_before_what_is_read_next(
    events: Events, subscriptions: Subscriptions
) -> None:
    handled: list[int] = []
    events.broker.converge({READER: ["hikes.Opened"]})
    open_paths(1, 2)
    with entering(OWNER):
        relay_once(events.broker)
    reader = events.broker.reader(READER)
    reader.start_after(0)
    with entering(READER):
        inbox.keep(READER, reader.stream, 0, reader.fetch(limit=10, wait_s=0))

    def note(event: Opened) -> None:
        handled.append(event.number)

    subscriptions.add(note)
    open_paths(3)
    with entering(READER):
        inbox.redeliver_known(READER)
    events.deliver()
    assert handled == [1, 2, 3]


def test_so_many_jobs_wait_that_messages_had_better_wait_in_the_broker(
    events: Events, subscriptions: Subscriptions
) -> None:
    def note(event: Opened) -> None:
        raise RuntimeError("cannot")

    subscriptions.add(note, retry=Retry(attempts=1))
    events.broker.converge({READER: ["hikes.Opened"]})
    open_paths(1, 2, 3)
    events.deliver(raising=False)
    with entering(READER):
        assert not inbox.is_full(2)
        assert inbox.is_full(1)


def test_a_batch_has_its_bound_in_bytes_and_the_rest_follows_at_once(events: Events) -> None:
    events.broker.converge({READER: ["hikes.Opened"]})
    drafts = [
        outbox.Draft(
            id=uuid4(), type="hikes.Opened", partition_key="", envelope="x" * 500_000, deliver_at=None
        )
        for _ in range(20)
    ]
    with entering(OWNER):
        with atomic():
            outbox.add(drafts)
        batch = outbox.unsent(MAX_BATCH)
        assert [message.id for message in batch] == [draft.id for draft in drafts[:17]]
        assert sum(len(message.body) for message in batch[:-1]) < MAX_BATCH_BYTES
        relay = Relay(OWNER, events.broker, until=lambda: False)
        assert relay.work() == 0
        assert len(outbox.unsent(MAX_BATCH)) == 3


def test_what_was_published_as_another_type_is_no_message_for_anybody(
    events: Events, subscriptions: Subscriptions
) -> None:
    handled = subscriptions.noting()
    with entering(OWNER), atomic():
        publish(Opened(path="ridge", number=1))
    with entering(OWNER):
        (forged,) = outbox.unsent(1)
        outbox.sent([forged])
    with entering(READER):
        inbox.keep(READER, "log", 0, [Delivery(1, forged.body, "stars.Close")])
    events.jobs.run_due()
    (letter,) = messages.dead_letters(READER)
    with pytest.raises(
        JobNotSteerable, match=r"says that it is hikes.Opened, and was published as stars.Close"
    ):
        messages.replay(READER, letter.id)
    with entering(READER):
        inbox.keep(READER, "log", 1, [Delivery(2, forged.body, "hikes.Opened")])
    events.jobs.run_due()
    assert handled == [1]


def test_a_consumer_whose_position_another_moved_keeps_nothing(
    events: Events, subscriptions: Subscriptions
) -> None:
    subscriptions.noting()
    events.broker.converge({READER: ["hikes.Opened"]})
    open_paths(1, 2)
    with entering(OWNER):
        relay_once(events.broker)
    reader = events.broker.reader(READER)
    reader.start_after(0)
    first, second = reader.fetch(limit=10, wait_s=0)
    with entering(READER):
        inbox.keep(READER, reader.stream, 0, [first, second])
        with pytest.raises(OutOfStep):
            inbox.keep(READER, reader.stream, first.position, [second])
        assert inbox.begin(reader.stream) == second.position
        assert Job.objects.filter(message_id__isnull=False).count() == 2
