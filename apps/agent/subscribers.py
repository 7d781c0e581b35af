"""What agent does about messages, each in one transaction: parts of a call's way speak to each other by these alone."""

from typing import Final

from apps.agent import orchestration, timers
from contracts.agent import (
    CancelServiceCall,
    CancelTimer,
    DueTimeReached,
    ExecutionFailed,
    ExecutionStarted,
    ExecutionSucceeded,
    RescheduleServiceCall,
    ScheduleTimer,
    SubmitServiceCall,
)
from monolith.contracts import call_scope
from monolith.events import subscriber
from monolith.jobs import Retry

# What is asked of a call may overtake its submission, mostly by moments. It is tried again for about a day: given up, a
# call that was cancelled would be made.
UNTIL_TAKEN: Final = Retry(attempts=2_000, first_s=0.5, max_s=60.0)


@subscriber(parks=False)  # its key is a call that does not exist when it is refused
def take_call(command: SubmitServiceCall) -> None:
    """Store the call and have its timer set."""
    orchestration.take(command)


@subscriber(retry=UNTIL_TAKEN)
def move_call(command: RescheduleServiceCall) -> None:
    """Give the call another due time."""
    orchestration.move_due_time(command)


@subscriber(retry=UNTIL_TAKEN)
def cancel_call(command: CancelServiceCall) -> None:
    """End the call before it begins."""
    orchestration.cancel(command.call_id)


@subscriber
def set_timer(command: ScheduleTimer) -> None:
    """Set or move the call's timer."""
    timers.set_timer(call_id=command.call_id, due_at=command.due_at)


@subscriber
def cancel_timer(command: CancelTimer) -> None:
    """Forget the call's timer."""
    timers.cancel_timer(call_id=command.call_id)


@subscriber
def start_call(event: DueTimeReached) -> None:
    """Order the call's attempt."""
    timers.forget_fired(call_id=event.call_id, message=call_scope().causation)
    orchestration.start(event.call_id)


@subscriber
def note_start(event: ExecutionStarted) -> None:
    """Write down who makes the attempt."""
    orchestration.note_started(event)


@subscriber
def succeed_call(event: ExecutionSucceeded) -> None:
    """End the call with its answer."""
    orchestration.succeed(event)


@subscriber
def fail_call(event: ExecutionFailed) -> None:
    """End the call without success."""
    orchestration.fail(event)
