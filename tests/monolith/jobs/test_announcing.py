"""JobFinished: which ends of jobs are told, with which transaction, and that telling never ends up telling of itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from monolith import atomic, entering
from monolith.composition import composed
from monolith.contracts.message_registry import message_types
from monolith.contracts.scope import acting
from monolith.errors import CompositionError
from monolith.events import NotAPublisher, publish
from monolith.jobs import JobFinished, Retry, records, task
from monolith.jobs.messages import Outcome
from monolith.jobs.runner import LeaseExpired, fail, lost
from monolith.models import Job
from monolith.testing.events import Events
from tests.monolith.events.toy import READER, Opened, Subscriptions, subscriptions

pytestmark = pytest.mark.django_db(databases="__all__")

__all__ = ["subscriptions"]

decorate: Any = task  # with options that a test passes on
PATH = f"apps.{READER}.tasks."
HOUR = timedelta(hours=1)


@pytest.fixture
def make(subscriptions: Subscriptions) -> Callable[..., Any]:
    """Make a function a task of a module."""

    def made(function: Callable[..., Any], **options: Any) -> Any:
        function.__module__, function.__qualname__ = f"apps.{READER}.tasks", function.__name__
        found = decorate(time_limit_s=60, **options)(function)
        subscriptions.known[found.module_path] = found
        return found

    return made


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system in which no module may steer jobs."""
    declared = {name: replace(module, steers_jobs=False) for name, module in composed().declared.items()}
    monkeypatch.setattr(
        "monolith.contracts.message_registry.composed",
        lambda: replace(composed(), declared=MappingProxyType(declared)),
    )


def quick() -> None:
    """Do nothing."""


def broken() -> None:
    raise LookupError("nothing there")


def enqueue(task: Any) -> None:
    with entering(READER):
        task.enqueue()


def test_the_end_of_a_scheduled_tasks_job_is_told_by_its_module(
    events: Events, make: Callable[..., Any]
) -> None:
    enqueue(make(quick, every=HOUR))
    (run,) = events.jobs.run_due()
    (event,) = events.published(JobFinished)
    assert (event.task, event.module, event.job) == (f"{PATH}quick", READER, run.id)
    assert (event.outcome, event.attempts, event.error, event.schedule) == (Outcome.SUCCEEDED, 1, "", "")
    assert event.enqueued_at <= event.started_at <= event.finished_at
    (envelope,) = events.envelopes(JobFinished)
    assert (envelope.type, envelope.producer) == ("monolith.JobFinished", READER)


def test_a_schedules_job_names_its_schedule(events: Events, make: Callable[..., Any]) -> None:
    make(quick, every=HOUR)
    events.jobs.deploy(READER)
    events.jobs.run_due()
    (event,) = events.published(JobFinished)
    assert event.schedule == f"{PATH}quick"


def test_most_ends_are_told_to_nobody(events: Events, make: Callable[..., Any]) -> None:
    enqueue(make(quick))
    events.jobs.run_due()
    assert events.published(JobFinished) == []


def test_a_task_may_ask_for_it(events: Events, make: Callable[..., Any]) -> None:
    enqueue(make(quick, announce=True))
    events.jobs.run_due()
    assert len(events.published(JobFinished)) == 1


def test_a_dead_letter_is_told_and_an_attempt_that_is_tried_again_is_not(
    events: Events, make: Callable[..., Any]
) -> None:
    enqueue(make(broken, retry=Retry(attempts=2, first_s=60)))
    events.jobs.run_due(raising=False)
    assert events.published(JobFinished) == []
    events.jobs.run_for(minutes=2, raising=False)
    (event,) = events.published(JobFinished)
    assert (event.outcome, event.attempts, event.error) == (Outcome.DEAD, 2, "builtins.LookupError")


def test_a_dead_letter_whose_function_is_gone_is_told_by_who_finds_it(events: Events) -> None:
    with entering(READER):
        row = Job.objects.create(
            task=f"{PATH}gone", arguments={"args": [], "kwargs": {}}, status="running", workers=["w"] * 5
        )
        records.fetch(
            "UPDATE monolith_job SET leased_until = now() - interval '1 s', started_at = now() WHERE id = %(id)s",
            id=row.pk,
        )
        with atomic():
            (job,) = records.expired(10)
            fail(job, None, lost(LeaseExpired, "gone", job.worker))
    (event,) = events.published(JobFinished)
    assert (event.task, event.outcome) == (f"{PATH}gone", Outcome.DEAD)


def test_a_job_whose_end_cannot_be_told_has_not_ended(
    events: Events, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the outbox is in the way")

    enqueue(make(quick, every=HOUR))
    with monkeypatch.context() as patched:
        patched.setattr("monolith.events.outbox.add", fails)
        (run,) = events.jobs.run_due(raising=False)
    assert (run.status, str(run.error)) == ("waiting", "the outbox is in the way")
    events.jobs.run_for(minutes=1)
    assert [event.attempts for event in events.published(JobFinished)] == [2]


def test_a_subscriber_that_fails_to_hear_of_ends_is_not_told_of_its_failures(
    events: Events, subscriptions: Subscriptions, make: Callable[..., Any]
) -> None:
    told: list[str] = []

    def note(event: JobFinished) -> None:
        told.append(event.task)
        raise LookupError("cannot")

    subscriptions.add(note, module="scheduler", retry=Retry(attempts=1))
    events.broker.converge({"scheduler": ["monolith.JobFinished"]})
    enqueue(make(quick, every=HOUR))
    runs = events.deliver(raising=False)
    assert [run.status for run in runs] == ["succeeded", "dead"]
    assert told == [f"{PATH}quick"]


def test_dead_letters_of_other_subscribers_are_told(events: Events, subscriptions: Subscriptions) -> None:
    def note(event: Opened) -> None:
        raise LookupError("cannot")

    subscriptions.add(note, retry=Retry(attempts=1))
    events.broker.converge({READER: ["hikes.Opened"]})
    with entering("hikes"), acting(tenant="north"), atomic():
        publish(Opened(path="ridge"))
    events.deliver(raising=False)
    (event,) = events.published(JobFinished)
    assert event.task == f"apps.{READER}.subscribers.note"
    assert events.envelopes(JobFinished)[0].tenant == "north"


@pytest.mark.usefixtures("unheard")
def test_a_system_without_anybody_who_may_hear_it_writes_nothing(
    events: Events, make: Callable[..., Any]
) -> None:
    enqueue(make(quick, every=HOUR))
    enqueue(make(broken, retry=Retry(attempts=1)))
    assert {run.status for run in events.jobs.run_due(raising=False)} == {"succeeded", "dead"}
    assert events.published(JobFinished) == []
    message_types.cache_clear()
    assert "monolith.JobFinished" not in message_types()
    message_types.cache_clear()


def test_it_is_a_message_of_this_system() -> None:
    assert message_types()["monolith.JobFinished"] is JobFinished.message_type


def test_no_module_may_make_it_up() -> None:
    now = datetime.now(UTC)
    event = JobFinished(
        task=f"{PATH}quick",
        module="ships",
        job=1,
        schedule="",
        outcome=Outcome.DEAD,
        attempts=1,
        enqueued_at=now,
        started_at=now,
        finished_at=now,
    )
    with entering(READER), atomic(), pytest.raises(NotAPublisher, match="belongs to 'monolith'"):
        publish(event)


def test_only_who_steers_jobs_may_hear_it(subscriptions: Subscriptions) -> None:
    from monolith.events.registry import subscribers_by_type

    def note(event: JobFinished) -> None:
        return None

    subscriptions.add(note)
    with pytest.raises(CompositionError, match="steers_jobs=True"):
        subscribers_by_type(READER)
