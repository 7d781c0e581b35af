"""What chat does by itself. Workers call these as chat.

Most have no transaction: they ask knowledge, or places outside, or do many small things of which each counts.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import Final

from django.utils import timezone

from apps.chat import answering, deliveries, reminders, retention, summaries, trust
from apps.chat.models import Channel
from monolith.jobs import ONCE, Retry, task

# A responder's failure is an answer; tried again is what broke around it.
ANSWER_AGAIN: Final = Retry(attempts=2, first_s=1.0)


@task(
    time_limit_s=150,
    transaction=False,
    retry=ANSWER_AGAIN,
    dedupe_key="answer:{answer}",
    concurrency_key="answer:{answer}",
)
def answer(answer: int) -> str:
    """Make an answer that nobody streams; returns its state, `answering` when somebody else is at it after all."""
    state = ""
    for piece in answering.make_answer(answer):
        if isinstance(piece, answering.Done):
            state = piece.answer.state
    return state


@task(
    time_limit_s=60,
    transaction=False,
    retry=ONCE,  # what fails is due again, by its own count
    dedupe_key="deliver:{delivery}",
)
def deliver(delivery: int) -> str:
    """Make the next attempt of a delivery; returns where it stands."""
    return deliveries.deliver(delivery, now=timezone.now())


@task(
    time_limit_s=50,
    transaction=False,
    retry=ONCE,
    dedupe_key="watch",
    concurrency_key="watch",
    every=timedelta(seconds=30),
)
def watch() -> dict[str, int]:
    """End what nobody will end: answers, and attempts to deliver.

    Have jobs go on with answers whose writers died, and deliveries that are due again tried.
    """
    now = timezone.now()
    found = {"answers": answering.fail_stale(now=now), "attempts": deliveries.give_up(now=now)}
    left = answering.left(now=now)
    for message in left:
        answer.enqueue(answer=message)
    due = deliveries.due(now=now)
    for delivery in due:
        deliver.enqueue(delivery=delivery)
    return found | {"left": len(left), "due": len(due)}


@task(
    time_limit_s=50,
    transaction=False,
    retry=ONCE,
    dedupe_key="remind",
    concurrency_key="remind",
    every=timedelta(seconds=30),
)
def remind() -> int:
    """Have reminders delivered that are due."""
    return reminders.hand_on_due(now=timezone.now())


@task(
    time_limit_s=300,
    transaction=False,
    dedupe_key="summarise",
    concurrency_key="summarise",
    every=timedelta(hours=1),
    jitter=timedelta(minutes=2),
)
def summarise() -> int:
    """Summarise every channel in which enough was said; returns how many."""
    now = timezone.now()
    made = [summaries.summarise(channel, now=now) for channel in Channel.objects.filter(archived=False)]
    return len([summary for summary in made if summary is not None])


@task(time_limit_s=60, dedupe_key="recover_trust", cron="10 0 * * *")
def recover_trust() -> int:
    """Give everybody back some trust, by whole days; returns how many gained."""
    return trust.recover(now=timezone.now())


@task(
    time_limit_s=600,
    transaction=False,
    dedupe_key="prune",
    cron="40 3 * * *",
    jitter=timedelta(minutes=10),
)
def prune() -> dict[str, int]:
    """Remove what is kept no longer."""
    return asdict(retention.prune(now=timezone.now()))
