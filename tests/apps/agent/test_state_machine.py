"""The state machine of a call against the database: whatever comes, in whatever order, however often."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from apps.agent import orchestration, queries
from apps.agent.models import TERMINAL, Attempt, ServiceCall, Status
from apps.agent.queries import own
from contracts.agent import (
    Answer,
    ExecutionFailed,
    ExecutionStarted,
    ExecutionSucceeded,
    Reason,
    RescheduleServiceCall,
    SubmitServiceCall,
)
from monolith import atomic
from monolith.contracts.scope import correlated
from monolith.events.envelope import read_envelope
from monolith.models import OutboxMessage
from tests.apps.agent.conftest import REQUEST

ANSWER: Final = Answer(status=200, url=REQUEST.url, headers={}, body="", is_cut=False, elapsed_ms=1)
DUE: Final = datetime(2026, 1, 1, tzinfo=UTC)
FAR: Final = datetime.now(UTC) + timedelta(days=300)
STEPS: Final = {
    None: {Status.SCHEDULED},
    Status.SCHEDULED: {Status.RUNNING, Status.FAILED},
    Status.RUNNING: {Status.SUCCEEDED, Status.FAILED},
    Status.SUCCEEDED: set(),
    Status.FAILED: set(),
}
ENDS: Final = ("agent.ServiceCallSucceeded", "agent.ServiceCallFailed")


class Calls(RuleBasedStateMachine):
    """Messages about a few calls, as a broker that repeats and reorders across keys might bring them."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self._atomic = atomic()
        self._atomic.__enter__()
        self.seen: dict[UUID, list[str | None]] = {}
        self.outcomes: dict[UUID, Any] = {}
        self.due: dict[UUID, bool] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True, using="agent")
        self._atomic.__exit__(None, None, None)

    def step(self, call_id: UUID, act: Callable[[], bool]) -> bool:
        """Let one message be handled; what it says about having moved the call must be so."""
        before = self.status(call_id)
        with correlated(correlation="test", causation=str(uuid4())), atomic():
            moved = act()
        after = self.status(call_id)
        if after != before:
            assert after in STEPS[before], f"{before} became {after}"
            self.seen.setdefault(call_id, []).append(after)
        return moved

    def status(self, call_id: UUID) -> Any:
        return own(ServiceCall).filter(id=call_id).values_list("status", flat=True).first()

    @initialize(target=calls)
    def begin(self) -> Any:
        return multiple()

    @rule(target=calls, is_due=st.booleans())
    def submit(self, is_due: bool) -> UUID:
        call_id = uuid4()
        self.due[call_id] = is_due
        self._take(call_id)
        return call_id

    @rule(call_id=calls)
    def submit_again(self, call_id: UUID) -> None:
        assert not self._take(call_id)

    def _take(self, call_id: UUID) -> bool:
        # The key's request is what it was at first, also when the call was moved since.
        taken = queries.own(ServiceCall).filter(id=call_id).exists()
        command = SubmitServiceCall(
            call_id=call_id,
            name="n",
            idempotency_key=str(call_id),
            request=REQUEST,
            due_at=self._first_due(call_id),
        )
        moved = self.step(call_id, lambda: orchestration.take(command))
        assert moved is not taken
        return moved

    def _first_due(self, call_id: UUID) -> datetime:
        first = self.__dict__.setdefault("first", {})
        return first.setdefault(call_id, DUE if self.due[call_id] else FAR)  # type: ignore[no-any-return]

    @rule(call_id=calls, is_due=st.booleans())
    def move(self, call_id: UUID, is_due: bool) -> None:
        command = RescheduleServiceCall(call_id=call_id, due_at=DUE if is_due else FAR)
        scheduled = self.status(call_id) == Status.SCHEDULED
        assert self.step(call_id, lambda: orchestration.move_due_time(command)) is scheduled
        if scheduled:
            self.due[call_id] = is_due

    @rule(call_id=calls)
    def reach_due_time(self, call_id: UUID) -> None:
        may_start = self.status(call_id) == Status.SCHEDULED and self.due[call_id]
        assert self.step(call_id, lambda: orchestration.start(call_id)) is may_start

    @rule(call_id=calls)
    def cancel(self, call_id: UUID) -> None:
        scheduled = self.status(call_id) == Status.SCHEDULED
        assert self.step(call_id, lambda: orchestration.cancel(call_id)) is scheduled

    @rule(call_id=calls)
    def say_started(self, call_id: UUID) -> None:
        event = ExecutionStarted(call_id=call_id, run="w")
        self.step(call_id, lambda: orchestration.note_started(event))

    @rule(call_id=calls)
    def say_succeeded(self, call_id: UUID) -> None:
        event = ExecutionSucceeded(call_id=call_id, answer=ANSWER)
        running = self.status(call_id) == Status.RUNNING
        assert self.step(call_id, lambda: orchestration.succeed(event)) is running

    @rule(call_id=calls, reason=st.sampled_from([Reason.STATUS, Reason.TIMEOUT, Reason.OUTCOME_UNKNOWN]))
    def say_failed(self, call_id: UUID, reason: Reason) -> None:
        event = ExecutionFailed(call_id=call_id, reason=reason, may_have_happened=True, detail="")
        running = self.status(call_id) == Status.RUNNING
        assert self.step(call_id, lambda: orchestration.fail(event)) is running

    @rule(call_id=calls)
    def give_up(self, call_id: UUID) -> None:
        attempt = own(Attempt).filter(id=call_id).first()
        if attempt is not None:
            running = self.status(call_id) == Status.RUNNING
            assert self.step(call_id, lambda: orchestration.give_up(attempt)) is running

    @rule(call_id=calls, status=st.sampled_from(Status.values))
    def write_past_the_code(self, call_id: UUID, status: str) -> None:
        before = self.status(call_id)
        if status in STEPS[before] or status == before == Status.SCHEDULED:
            return
        fields: dict[str, Any] = {"status": status}
        if status in TERMINAL:
            fields |= {"outcome": {}, "ended_at": datetime.now(UTC)}
        else:
            fields |= {"outcome": None, "ended_at": None}
        if before == status == Status.RUNNING:
            return
        with pytest.raises(DatabaseError), atomic():
            own(ServiceCall).filter(id=call_id).update(**fields)

    @invariant()
    def each_call_is_ordered_and_ended_once(self) -> None:
        told = Counter(
            (envelope.key, "end" if envelope.type in ENDS else envelope.type)
            for envelope in map(read_envelope, OutboxMessage.objects.values_list("envelope", flat=True))
        )
        for call in own(ServiceCall).all():
            key = str(call.id)
            began = Status.RUNNING in self.seen[call.id]
            assert told[key, "agent.ServiceCallSubmitted"] == 1
            assert told[key, "agent.StartExecution"] == told[key, "agent.ServiceCallRunning"] == int(began)
            assert told[key, "end"] == int(call.status in TERMINAL)
            if call.status in TERMINAL:
                assert self.outcomes.setdefault(call.id, call.outcome) == call.outcome


@pytest.mark.slow
@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_agent")
def test_a_call_moves_only_as_its_state_machine_says() -> None:
    run_state_machine_as_test(
        Calls,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
