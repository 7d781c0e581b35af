"""What scheduler promises: to start what is scheduled before its time."""

from typing import Annotated, Protocol

from pydantic import Field

from monolith.contracts import DeclaredError, Interface, Schema, command, raises, tool

TaskName = Annotated[
    str, Field(max_length=200, pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$")
]
"""A task's dotted name: apps.stars.tasks.refresh."""
ModuleName = Annotated[str, Field(max_length=39, pattern=r"^([a-z][a-z0-9]*(_[a-z0-9]+)*)?$")]


class Enqueued(Schema):
    """Which job will run."""

    module: str
    job: int


class NotRunnable(DeclaredError):
    """Nothing was enqueued: no such task, no schedule, its module runs in another process, or a tenant asks."""

    status = 409
    task: str
    reason: str


class Scheduler(Interface, Protocol):
    """What runs and when."""

    @tool()
    @raises(NotRunnable)
    @command
    def run_now(self, *, idempotency_key: str, task: TaskName, module: ModuleName = "") -> Enqueued:
        """Enqueue a job of a task that has a schedule; `module` says whose, for a task that every module has.

        Tasks without a schedule are their module's own business. For a tenant it starts nothing: schedules are of all.
        """
        ...
