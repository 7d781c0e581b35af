"""What a route answers that leaves its work to a job."""

from typing import Any

from django.tasks import TaskResult
from ninja import Status
from pydantic import Field

from monolith.context import current_module
from monolith.http.answers import Answer


class QueuedJob(Answer):
    """The job that does the work; a worker starts it soon."""

    job: str = Field(description="Its module and number, `hikes/12`: `manage.py jobs show` says how it goes.")


def queued(result: "TaskResult[..., Any]") -> Status[dict[str, str]]:
    """Return the 202 that names the job which was enqueued."""
    return Status(202, {"job": f"{current_module()}/{result.id}"})
