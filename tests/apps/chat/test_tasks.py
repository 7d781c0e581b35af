"""What chat does by itself: summaries, recovery, pruning; and what a fresh system shows."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.utils import timezone

from apps.chat import deliveries, retention, summaries, tasks, trust
from apps.chat.models import Channel, Delivery, Message, ModerationEvent, Reminder, Summary, UserTrust
from apps.chat.sample import load
from apps.chat.words import sentences, stems
from contracts.chat import PostMessage
from monolith import atomic, entering
from monolith.events import send
from monolith.jobs.registry import tasks_of
from monolith.testing.events import Events
from monolith.testing.jobs import Jobs

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_chat")]

NOW: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)


def say(channel: Channel, *texts: str, at: datetime = NOW, **fields: Any) -> list[Message]:
    said = Message.objects.count()
    return [
        Message.objects.create(
            channel=channel,
            external_id=f"m{said + number}",
            author=f"user:{number % 3}",
            text=text,
            created_at=at,
            **fields,
        )
        for number, text in enumerate(texts)
    ]


def test_a_summary_quotes_what_most_messages_are_about(channel: Channel) -> None:
    talk = [f"The relay stopped on host {number}." for number in range(10)]
    said = say(channel, "Good morning.", *talk, "Lunch?", *["The relay and its outbox are slow."] * 10)
    summary = summaries.summarise(channel, now=NOW)
    assert summary is not None
    assert (summary.count, summary.first_id, summary.last_id) == (22, said[0].pk, said[-1].pk)
    assert "The relay" in summary.text.splitlines()[0]
    assert "Good morning" not in summary.text
    assert set(summary.quoted) <= {message.pk for message in said}
    assert len(summary.text.splitlines()) <= summaries.QUOTED


def test_a_summary_begins_where_the_last_one_ended(channel: Channel) -> None:
    say(channel, *["The relay stopped."] * 20)
    first = summaries.summarise(channel, now=NOW)
    assert first is not None
    assert summaries.summarise(channel, now=NOW) is None
    later = say(channel, *["The outbox grows."] * 20)
    second = summaries.summarise(channel, now=NOW)
    assert second is not None
    assert (second.first_id, second.count) == (later[0].pk, 20)
    assert "relay" not in second.text


def test_the_task_summarises_where_enough_was_said(channel: Channel, jobs: Jobs) -> None:
    say(channel, *["The relay stopped."] * 19)
    tasks.summarise.enqueue()
    jobs.run_due()
    assert not Summary.objects.exists()
    say(channel, "And again.")
    tasks.summarise.enqueue()
    jobs.run_due()
    assert Summary.objects.get().count == 20


def test_trust_comes_back_by_the_day(jobs: Jobs) -> None:
    trust.set_trust(subject="user:1", score=10, by="user:9", reason="test", now=timezone.now())
    found = []
    for _ in range(6):
        jobs.travel(days=1)
        tasks.recover_trust.enqueue()
        jobs.run_due()
        found.append(UserTrust.objects.get().score)
    assert found == [30, 50, 70, 90, 100, 100]


def test_pruning_removes_what_is_over_and_keeps_what_is_not(channel: Channel) -> None:
    Channel.objects.update(kept_days=30)
    (question, _) = say(channel, "Old?", "Old too.", at=NOW - 31 * DAY)
    say(
        channel,
        "An answer.",
        at=NOW - 31 * DAY,
        kind="answer",
        state="answered",
        reply_to=question,
        ended_at=NOW,
    )
    say(channel, "New.", at=NOW - 29 * DAY)
    delivery = {"sender": "channel", "target": "help", "text": "x", "idempotent": True, "next_at": NOW}
    for key, status in (("posted", "posted"), ("failed", "failed"), ("uncertain", "uncertain")):
        Delivery.objects.create(
            dedupe_key=key,
            status=status,
            created_at=NOW - 400 * DAY,
            ended_at=None if status == "uncertain" else NOW - 91 * DAY,
            **delivery,
        )
    for status in ("waiting", "cancelled"):
        Reminder.objects.create(
            channel=channel, subject="user:1", text="x", due_at=NOW - 91 * DAY, status=status
        )
    ModerationEvent.objects.create(subject="user:1", kind="scored", at=NOW - 181 * DAY)
    report = retention.prune(now=NOW)
    assert (report.deliveries, report.reminders, report.moderation) == (2, 1, 1)
    assert [message.text for message in Message.objects.all()] == ["New."]
    assert Delivery.objects.get().status == "uncertain"
    assert Reminder.objects.get().status == "waiting"


def test_a_reminder_of_a_channel_that_was_archived_ends(channel: Channel, jobs: Jobs) -> None:
    Reminder.objects.create(channel=channel, subject="user:1", text="x", due_at=NOW)
    Channel.objects.update(archived=True)
    tasks.remind.enqueue()
    jobs.run_due()
    assert Reminder.objects.get().status == "cancelled"
    assert not Delivery.objects.exists()


def test_a_reminder_whose_key_is_taken_ends_and_holds_nobody_up(channel: Channel, jobs: Jobs) -> None:
    due = [
        Reminder.objects.create(channel=channel, subject="user:1", text=text, due_at=NOW + DAY * days)
        for days, text in enumerate(("first", "second"))
    ]
    deliveries.queue(
        dedupe_key=f"reminder:{due[0].pk}",
        sender="channel",
        target="help",
        text="Something else.",
        requested_by="user:2",
        now=NOW,
    )
    tasks.remind.enqueue()
    jobs.run_due()
    assert [each.status for each in Reminder.objects.order_by("due_at")] == ["cancelled", "handed_on"]


def test_other_modules_have_words_said_once(channel: Channel, events: Events) -> None:
    words = PostMessage(channel="help", reference="stars:1", text="A dark night.")
    for command in (words, words):
        with entering("stars"), atomic():
            send(command)
    events.deliver()
    (message,) = Message.objects.all()
    assert (message.text, message.kind, message.author) == ("A dark night.", "notice", "system:modules")


def test_words_for_a_channel_that_is_none_are_a_dead_letter(channel: Channel, events: Events) -> None:
    with entering("stars"), atomic():
        send(PostMessage(channel="nowhere", reference="stars:1", text="A dark night."))
    runs = events.deliver(raising=False)
    assert [(run.task, run.status) for run in runs][:1] == [("apps.chat.subscribers.say_for_others", "dead")]


def test_the_sample_is_a_channel_to_try_and_once_more_is_nothing_new() -> None:
    assert load() == "channel 'help' new"
    assert load() == "nothing new"
    assert [channel.slug for channel in Channel.objects.all()] == ["announcements", "help"]
    assert Message.objects.count() == 2


def test_tasks_are_due_as_they_say() -> None:
    timings = {
        path.rpartition(".")[2]: task.timing
        for path, task in tasks_of("chat").items()
        if ".chat.tasks." in path
    }
    assert {name for name, timing in timings.items() if timing is None} == {"answer", "deliver"}
    every = {name: timing.every for name, timing in timings.items() if timing is not None and timing.every}
    assert every == {
        "watch": timedelta(seconds=30),
        "remind": timedelta(seconds=30),
        "summarise": timedelta(hours=1),
    }
    assert {"recover_trust", "prune"} <= set(timings)


def test_forms_of_a_word_are_one_and_function_words_none() -> None:
    assert stems("stored stores storing") == stems("store")
    assert stems("What is the") == frozenset()
    assert len(stems("module modules schema")) == 2


def test_a_sentence_ends_where_one_ends() -> None:
    text = "See api.py for 10 % of it. `up` runs.\n\nA heading\n\nThe end"
    assert [*sentences(text)] == ["See api.py for 10 % of it.", "`up` runs.", "A heading", "The end"]
    assert len(next(iter(sentences("x" * 900)))) == 400
