"""A call's way from submission to its end, by messages, and what it withstands."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError

from apps.agent import orchestration, submissions, watchdog
from apps.agent.errors import (
    CallMovedOnError,
    CallNotTakenYetError,
    IdempotencyConflictError,
    RequestRefusedError,
)
from apps.agent.models import Attempt, ServiceCall, Status, Timer
from apps.agent.queries import own
from contracts.agent import (
    Answer,
    CallRequest,
    CancelServiceCall,
    DueTimeReached,
    ExecutionFailed,
    ExecutionStarted,
    ExecutionSucceeded,
    Method,
    Reason,
    ServiceCallFailed,
    ServiceCallRunning,
    ServiceCallScheduled,
    ServiceCallSubmitted,
    ServiceCallSucceeded,
    StartExecution,
    SubmitServiceCall,
)
from monolith import atomic
from monolith.contracts import acting
from monolith.contracts.scope import correlated
from monolith.events import publish, send
from monolith.testing.events import Events
from tests.apps.agent.conftest import REQUEST, TENANT, call_of, submit

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_agent")]

ANSWER = Answer(
    status=200, url="https://api.example/things", headers={}, body="ok", is_cut=False, elapsed_ms=1.0
)


def tell(message: ExecutionStarted | ExecutionSucceeded | ExecutionFailed, events: Events) -> None:
    with atomic():
        publish(message)
    events.deliver()


def outcome_of(call: ServiceCall) -> dict[str, Any]:
    assert call.outcome is not None
    return dict(call.outcome)


def failed(call_id: UUID, reason: Reason = Reason.STATUS) -> ExecutionFailed:
    return ExecutionFailed(call_id=call_id, reason=reason, may_have_happened=False, detail="no")


def test_a_call_that_is_due_is_ordered_once_and_ends_with_its_answer(events: Events) -> None:
    call_id = submit()
    events.deliver()

    assert call_of(call_id).status == Status.RUNNING
    [order] = events.published(StartExecution)
    assert (order.call_id, order.request) == (call_id, REQUEST)
    tell(ExecutionStarted(call_id=call_id, run="w1"), events)
    tell(ExecutionSucceeded(call_id=call_id, answer=ANSWER), events)

    call = call_of(call_id)
    assert (call.status, outcome_of(call)["answer"]["status"]) == (Status.SUCCEEDED, 200)
    assert call.ended_at is not None
    [attempt] = own(Attempt).filter(id=call_id)
    assert (attempt.run, attempt.started_at is None, attempt.ended_at is None) == ("w1", False, False)
    kinds = (ServiceCallSubmitted, ServiceCallScheduled, ServiceCallRunning, ServiceCallSucceeded)
    assert [len(events.published(kind)) for kind in kinds] == [1, 1, 1, 1]


def test_everything_about_a_call_is_one_tree_with_one_root(events: Events) -> None:
    call_id = submit()
    events.deliver()
    tell_as = events.envelopes(StartExecution)[0]
    with correlated(correlation=tell_as.correlation_id, causation=str(tell_as.id)):
        tell(ExecutionSucceeded(call_id=call_id, answer=ANSWER), events)

    envelopes = {str(each.id): each for each in events.envelopes()}
    roots = [each for each in envelopes.values() if each.causation_id not in envelopes]
    assert [each.type for each in roots] == ["agent.SubmitServiceCall"]
    assert len({each.correlation_id for each in envelopes.values()}) == 1
    assert {each.tenant for each in envelopes.values()} == {TENANT}
    assert {each.key for each in envelopes.values()} == {str(call_id)}
    assert len(envelopes) == 9


def test_a_call_waits_for_its_due_time_and_starts_within_a_second(events: Events) -> None:
    call_id = submit(due_at=datetime.now(UTC) + timedelta(hours=2))
    events.deliver_for(minutes=119)
    assert call_of(call_id).status == Status.SCHEDULED
    assert own(Timer).count() == 1

    events.deliver_for(minutes=2)

    assert call_of(call_id).status == Status.RUNNING
    assert own(Timer).count() == 0


def test_a_due_time_that_is_told_too_early_starts_nothing_and_is_waited_for(events: Events) -> None:
    call_id = submit(due_at=datetime.now(UTC) + timedelta(hours=1))
    events.deliver()
    with atomic():
        publish(DueTimeReached(call_id=call_id))
    events.deliver()
    assert call_of(call_id).status == Status.SCHEDULED
    assert events.published(StartExecution) == []

    events.deliver_for(minutes=61)

    assert call_of(call_id).status == Status.RUNNING
    assert len(events.published(StartExecution)) == 1


def test_a_due_time_that_is_told_twice_orders_one_attempt(events: Events) -> None:
    call_id = submit()
    events.deliver()
    with atomic():
        publish(DueTimeReached(call_id=call_id))
    events.deliver()

    assert len(events.published(StartExecution)) == 1


def test_a_call_is_moved_to_another_time(events: Events) -> None:
    call_id = submit(due_at=datetime.now(UTC) + timedelta(hours=1))
    events.deliver()
    submissions.reschedule(call_id=call_id, due_at=datetime.now(UTC) + timedelta(hours=3))
    events.deliver_for(hours=2)
    assert call_of(call_id).status == Status.SCHEDULED

    events.deliver_for(hours=2)

    assert call_of(call_id).status == Status.RUNNING


def test_a_call_is_cancelled_before_it_begins(events: Events) -> None:
    call_id = submit(due_at=datetime.now(UTC) + timedelta(hours=1))
    events.deliver()
    submissions.cancel(call_id=call_id)
    events.deliver_for(hours=2)

    call = call_of(call_id)
    assert (call.status, outcome_of(call)["reason"]) == (Status.FAILED, "cancelled")
    assert events.published(StartExecution) == []
    assert own(Timer).count() == 0
    with pytest.raises(CallMovedOnError):
        submissions.cancel(call_id=call_id)


def test_a_call_is_cancelled_that_orchestration_has_not_seen_yet(events: Events) -> None:
    call_id = submit(due_at=datetime.now(UTC) + timedelta(hours=1))
    submissions.cancel(call_id=call_id)
    events.deliver()

    assert call_of(call_id).status == Status.FAILED
    assert len({each.correlation_id for each in events.envelopes()}) == 1


def ahead_of_its_submission(ask: Callable[[UUID], None], events: Events) -> UUID:
    """Let something be asked of a call that is due in an hour and be delivered first; returns the call's id."""
    due_at = datetime.now(UTC) + timedelta(hours=1)
    command = SubmitServiceCall(
        call_id=uuid4(), name="a", idempotency_key="k", request=REQUEST, due_at=due_at
    )
    with atomic():
        submissions.reserve(command)
    ask(command.call_id)
    # It may be tried again before all is quiet: its first rests are short.
    runs = [each for each in events.deliver(raising=False) if each.task.endswith("_call")]
    assert {(run.status, type(run.error)) for run in runs} == {("waiting", CallNotTakenYetError)}
    with atomic():
        send(command)
    events.deliver_for(minutes=2, raising=False)
    return command.call_id


def test_a_cancellation_that_overtakes_the_submission_waits_for_it(events: Events) -> None:
    call_id = ahead_of_its_submission(lambda call_id: submissions.cancel(call_id=call_id), events)
    events.deliver_for(hours=2)

    call = call_of(call_id)
    assert (call.status, outcome_of(call)["reason"]) == (Status.FAILED, "cancelled")
    assert (events.published(ServiceCallRunning), events.published(StartExecution)) == ([], [])


def test_another_time_that_overtakes_the_submission_waits_for_it(events: Events) -> None:
    later = datetime.now(UTC) + timedelta(hours=3)
    call_id = ahead_of_its_submission(
        lambda call_id: submissions.reschedule(call_id=call_id, due_at=later), events
    )
    events.deliver_for(hours=2)
    assert (call_of(call_id).status, call_of(call_id).due_at) == (Status.SCHEDULED, later)

    events.deliver_for(hours=2)

    assert call_of(call_id).status == Status.RUNNING


def test_what_is_asked_of_a_call_that_nobody_submitted_moves_nothing(events: Events) -> None:
    with atomic():
        send(CancelServiceCall(call_id=uuid4()))

    events.deliver()  # and raises nothing

    assert not own(ServiceCall).exists()


def test_the_first_outcome_counts_whatever_comes_after(events: Events) -> None:
    call_id = submit()
    events.deliver()
    tell(failed(call_id), events)
    tell(ExecutionSucceeded(call_id=call_id, answer=ANSWER), events)
    tell(failed(call_id, Reason.TIMEOUT), events)

    call = call_of(call_id)
    assert (call.status, outcome_of(call)["reason"]) == (Status.FAILED, "status")
    assert (len(events.published(ServiceCallFailed)), events.published(ServiceCallSucceeded)) == (1, [])


def test_an_outcome_before_the_call_is_running_moves_nothing(events: Events) -> None:
    call_id = submit(due_at=datetime.now(UTC) + timedelta(hours=1))
    events.deliver()
    tell(ExecutionSucceeded(call_id=call_id, answer=ANSWER), events)

    assert call_of(call_id).status == Status.SCHEDULED


def test_the_same_key_and_request_is_the_same_call(events: Events) -> None:
    due_at = datetime.now(UTC)
    first = submit(due_at=due_at)

    assert submit(due_at=due_at) == first
    events.deliver()
    assert submit(due_at=due_at) == first
    events.deliver()
    assert own(ServiceCall).count() == 1
    assert len(events.published(SubmitServiceCall)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"name": "other"},
        {"due_at": datetime(2030, 1, 1, tzinfo=UTC)},
        {"request": CallRequest(method=Method.PUT, url=REQUEST.url, body=REQUEST.body)},
        {"request": CallRequest(method=REQUEST.method, url=REQUEST.url, body='{"n": 2}')},
        {
            "request": CallRequest(
                method=REQUEST.method, url=REQUEST.url, body=REQUEST.body, headers={"X-A": "1"}
            )
        },
    ],
)
def test_the_same_key_and_another_request_is_a_conflict(other: dict[str, object]) -> None:
    given: dict[str, Any] = {"due_at": datetime(2029, 1, 1, tzinfo=UTC)}
    first = submit(**given)

    with pytest.raises(IdempotencyConflictError) as caught:
        submit(**given | other)
    assert caught.value.call_id == first


def test_a_command_of_another_module_is_taken_once_and_its_conflict_is_a_dead_letter(events: Events) -> None:
    command = SubmitServiceCall(
        call_id=uuid4(), name="a", idempotency_key="k", request=REQUEST, due_at=datetime.now(UTC)
    )
    with atomic():
        send(command)
        send(command)
        send(command.model_copy(update={"call_id": uuid4()}))
        send(command.model_copy(update={"call_id": uuid4(), "name": "b"}))
    events.deliver_for(raising=False, hours=1)

    [call] = own(ServiceCall).all()
    assert (call.id, call.name) == (command.call_id, "a")


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("headers", CallRequest(url="https://a.example/", headers={"Authorization": "Bearer x"})),
        ("headers", CallRequest(url="https://a.example/", headers={"X-Api-Key": "x"})),
        ("headers", CallRequest(url="https://a.example/", headers={"Host": "b.example"})),
        ("headers", CallRequest(url="https://a.example/", headers={"Transfer-Encoding": "chunked"})),
        ("url", CallRequest(url="https://ada:secret@a.example/")),
        ("url", CallRequest(url="https://a.example:99999/")),
        ("url", CallRequest(url="https://[::1/")),
        ("url", CallRequest(url="https:///path")),
        ("body", CallRequest(url="https://a.example/", body="x")),
    ],
)
def test_requests_that_could_not_be_stored_or_sent_are_refused(field: str, request_: CallRequest) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        submit(request=request_)
    assert caught.value.field == field


def test_the_watchdog_ends_what_says_nothing_and_nothing_else(events: Events) -> None:
    silent, waiting = submit("a"), submit("b", due_at=datetime.now(UTC) + timedelta(days=1))
    events.deliver()
    now = datetime.now(UTC)
    assert watchdog.look(now=now + orchestration.GIVE_UP_AFTER - timedelta(minutes=1)).calls == 0
    with acting(tenant=""):
        assert watchdog.look(now=now + orchestration.GIVE_UP_AFTER + timedelta(minutes=1)).calls == 1

    call = call_of(silent)
    assert (call.status, outcome_of(call)["reason"], outcome_of(call)["may_have_happened"]) == (
        Status.FAILED,
        "outcome_unknown",
        True,
    )
    assert call_of(waiting).status == Status.SCHEDULED
    [told] = events.envelopes(ServiceCallFailed)
    assert told.causation_id == str(events.envelopes(StartExecution)[0].id)
    assert told.correlation_id == call.correlation_id


def test_what_ended_long_ago_is_removed_and_frees_its_key(events: Events) -> None:
    call_id = submit()
    running = submit("b")
    events.deliver()
    tell(failed(call_id), events)
    assert watchdog.prune(now=datetime.now(UTC) + timedelta(days=89)) == 0
    assert watchdog.prune(now=datetime.now(UTC) + timedelta(days=91)) == 3
    assert [call.id for call in own(ServiceCall).all()] == [running]
    assert submit(name="another") != call_id


def test_all_that_ended_long_ago_is_removed_within_the_time_there_is(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "PRUNE", 2)
    for number in range(5):
        call_id = submit(str(number))
        events.deliver()
        tell(failed(call_id), events)
    long_after = datetime.now(UTC) + timedelta(days=91)

    assert watchdog.prune(now=long_after, seconds=0) == 0
    assert watchdog.prune(now=long_after) == 15
    assert own(ServiceCall).count() == 0


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (
            Status.SCHEDULED,
            {"status": Status.SUCCEEDED, "outcome": {}, "ended_at": datetime(2026, 1, 1, tzinfo=UTC)},
        ),
        (Status.SCHEDULED, {"name": "another"}),
        (Status.SCHEDULED, {"request": {}}),
        (Status.RUNNING, {"status": Status.SCHEDULED}),
        (Status.RUNNING, {"status": Status.FAILED}),
        (Status.FAILED, {"status": Status.SUCCEEDED}),
        (Status.FAILED, {"status": Status.RUNNING, "outcome": None, "ended_at": None}),
        (Status.FAILED, {"outcome": {"reason": "else"}}),
    ],
)
def test_the_database_refuses_what_is_no_step(
    events: Events, status: Status, change: dict[str, object]
) -> None:
    call_id = submit(
        due_at=datetime.now(UTC) + timedelta(hours=1) if status == Status.SCHEDULED else datetime.now(UTC)
    )
    events.deliver()
    if status == Status.FAILED:
        tell(failed(call_id), events)

    with pytest.raises(DatabaseError), atomic():
        own(ServiceCall).filter(id=call_id).update(**change)
    assert call_of(call_id).status == status


def test_a_call_that_has_not_ended_is_not_removed(events: Events) -> None:
    call_id = submit(due_at=datetime.now(UTC) + timedelta(hours=1))
    events.deliver()

    own(Timer).filter(id=call_id).delete()
    with pytest.raises(DatabaseError, match="not removed"), atomic():
        own(ServiceCall).filter(id=call_id).delete()
