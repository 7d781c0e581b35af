"""Timers of calls. A timer is a message that waits: what is stored here says which, so that it can be moved."""

from datetime import datetime
from uuid import UUID

from apps.agent.models import Timer
from apps.agent.queries import own, tenant
from contracts.agent import DueTimeReached
from monolith.events import cancel, publish, reschedule


def set_timer(*, call_id: UUID, due_at: datetime) -> bool:
    """Let DueTimeReached come at `due_at`; returns whether a timer that waited was moved, and none was made."""
    timer = own(Timer).select_for_update().filter(id=call_id).first()
    if timer is not None and reschedule(timer.message_id, due_at):
        own(Timer).filter(id=call_id).update(due_at=due_at)
        return True
    message = publish(DueTimeReached(call_id=call_id), deliver_at=due_at)
    own(Timer).filter(id=call_id).delete()
    Timer.objects.create(id=call_id, tenant_id=tenant(), message_id=message, due_at=due_at)
    return False


def cancel_timer(*, call_id: UUID) -> bool:
    """Forget a call's timer; returns whether it had not fired."""
    timer = own(Timer).select_for_update().filter(id=call_id).first()
    return timer is not None and cancel(timer.message_id) and _forget(call_id)


def forget_fired(*, call_id: UUID, message: str) -> None:
    """Remove the row of a timer that fired; of one that was set anew meanwhile it stays."""
    own(Timer).filter(id=call_id, message_id=message).delete()


def _forget(call_id: UUID) -> bool:
    return bool(own(Timer).filter(id=call_id).delete()[0])
