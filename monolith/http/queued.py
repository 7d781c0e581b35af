"""What a route answers that leaves its work to a job."""

from pydantic import Field

from monolith.http.answers import Answer


class QueuedJob(Answer):
    """The job that does it; a worker starts it soon."""

    job: str = Field(description="The job's id; `manage.py jobs show` says how it goes.")
