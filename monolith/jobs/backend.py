"""The `django.tasks` backend: jobs are rows of the module that enqueues them."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.tasks import TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import TaskError
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils.json import normalize_json

from monolith.boundary import belongs
from monolith.composition import composed
from monolith.context import current_module
from monolith.errors import BoundaryViolation, TierViolation
from monolith.jobs import records
from monolith.jobs.registry import find, owner_of
from monolith.jobs.task import AnyTask, DjangoTask, ModuleTask, require_valid
from monolith.jobs.travels import outgoing
from monolith.profile import Profile

if TYPE_CHECKING:
    from monolith.models import Job

type Result = TaskResult[..., Any]

_STATUS = {
    "waiting": TaskResultStatus.READY,
    "ready": TaskResultStatus.READY,
    "blocked": TaskResultStatus.READY,
    "running": TaskResultStatus.RUNNING,
    "succeeded": TaskResultStatus.SUCCESSFUL,
    "dead": TaskResultStatus.FAILED,
    "discarded": TaskResultStatus.FAILED,
}


class ModuleTaskBackend(BaseTaskBackend):
    """Keeps each job in the schema of the module that its task belongs to."""

    task_class = ModuleTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def validate_task(self, task: DjangoTask) -> None:
        """Raise InvalidTask unless the task can run here."""
        super().validate_task(task)
        require_valid(task)

    def enqueue(  # type: ignore[override]  # the stubs call args a list; Django hands over a tuple
        self, task: AnyTask, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Result:
        """Keep a call for a worker; it commits or vanishes with the open transaction of the current module.

        Raises BoundaryViolation for a task of another module, TypeError or ValueError for arguments that are not
        JSON, and TierViolation on the public tier.
        """
        require_own(task.module_path)
        arguments = json_arguments(task.module_path, args, kwargs)
        job_id = records.enqueue(
            module=current_module(),
            task=task.module_path,
            arguments=arguments,
            travels=outgoing(),
            queue=task.queue_name,
            priority=task.priority,
            heavy=task.heavy,
            run_after=task.run_after,
            dedupe_key=task.key(task.dedupe_key, args, kwargs),
            concurrency_key=task.key(task.concurrency_key, args, kwargs),
        )
        return self._result(
            task,
            str(job_id),
            status=TaskResultStatus.READY,
            enqueued_at=datetime.now().astimezone(),
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=arguments["args"],
            kwargs=arguments["kwargs"],
            errors=[],
            worker_ids=[],
        )

    def get_result(self, result_id: str) -> Result:
        """Return a job of the current module; raises TaskResultDoesNotExist."""
        from monolith.models import Job

        try:
            job = Job.objects.get(pk=int(result_id))
        except (Job.DoesNotExist, ValueError):
            raise TaskResultDoesNotExist(f"{current_module()} has no job {result_id}") from None
        task = find(job.task)
        if task is None:
            raise TaskResultDoesNotExist(
                f"job {result_id} is of {job.task}, which this process does not have"
            )
        return self.result_of(job, task)

    def result_of(self, job: "Job", task: AnyTask) -> Result:
        """Return a job as `django.tasks` shows it."""
        result = self._result(
            task,
            str(job.pk),
            status=_STATUS[job.status],
            enqueued_at=job.enqueued_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            last_attempted_at=job.started_at,
            args=job.arguments["args"],
            kwargs=job.arguments["kwargs"],
            errors=[TaskError(exception_class_path=e["type"], traceback=e["traceback"]) for e in job.errors],
            worker_ids=list(job.workers),
        )
        object.__setattr__(result, "_return_value", job.result)
        return result

    def _result(self, task: AnyTask, job_id: str, **fields: Any) -> Result:
        return TaskResult(task=task, id=job_id, backend=self.alias, **fields)


def require_own(path: str) -> None:
    """Raise unless the task of this name belongs to the current module and this process may keep jobs."""
    profile = composed().profile
    if profile is not Profile.PRIVATE:
        raise TierViolation([f"the {profile.value} process enqueues no jobs; {path} was to be enqueued"])
    owner = owner_of(path)
    if owner is None:
        raise TypeError(f"{path} is in no module's app; a task stands in the tasks.py of a module")
    if not belongs(owner, current_module()):
        raise BoundaryViolation(
            current=current_module(), target=owner, what=f"its task {path} (let it enqueue that itself)"
        )


def json_arguments(path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return a call's arguments as JSON has them; raises TypeError or ValueError naming the task."""
    try:
        arguments = {"args": normalize_json(args), "kwargs": normalize_json(kwargs)}
        text = json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{path} takes JSON alone (str, int, float, bool, None, lists and dicts of them): {error}"
        ) from None
    if "\\u0000" in text:
        raise ValueError(f"{path}: PostgreSQL keeps no text with a NUL character")
    return arguments
