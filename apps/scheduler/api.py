"""What scheduler provides to other modules, as contracts/scheduler.py promises it."""

from typing import Final

from apps.scheduler import services
from contracts.scheduler import Enqueued, ModuleName, NotRunnable, TaskName
from monolith.contracts import call_scope
from monolith.jobs.steering_errors import SteeringError

UNNAMED: Final = "another module"  # a caller that acts for nobody


def run_now(*, idempotency_key: str, task: TaskName, module: ModuleName = "") -> Enqueued:
    """Enqueue a job of a scheduled task."""
    # Schedules are of all tenants: a tenant's agent would have every module work for everybody.
    if call_scope().tenant:
        raise NotRunnable(
            task=task, reason="Schedules of all tenants are for callers that act for no tenant."
        )
    try:
        job = services.run_schedule_now(task=task, module=module, by=call_scope().actor or UNNAMED)
    except SteeringError as error:
        raise NotRunnable(task=task, reason=str(error)) from error
    return Enqueued(module=job.module, job=job.id)
