"""What the tests of scheduler share: jobs of other modules, and people who may or may not steer them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from monolith import entering
from monolith.jobs import schedules
from monolith.models import Job

TASK = "apps.stars.tasks.prune"

type MakeJob = Callable[..., Job]


@pytest.fixture
def in_module() -> Iterator[None]:
    """Run the test as the module."""
    with entering("scheduler"):
        yield


@pytest.fixture
def make_job() -> MakeJob:
    """Make a job of a module as it is after some time: `make_job("stars", status="dead")`."""

    def make(module: str, *, status: str = "ready", task: str = TASK, **fields: Any) -> Job:
        finished = datetime.now(UTC) if status in ("dead", "discarded", "succeeded") else None
        with entering(module):
            return Job.objects.create(
                task=task,
                status=status,
                finished_at=finished,
                **{"arguments": {"args": [], "kwargs": {}}, **fields},
            )

    return make


@pytest.fixture
def scheduled() -> None:
    """The schedules of stars as a deployment makes them."""
    schedules.upsert("stars")


def staff_with(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


@pytest.fixture
def operator(client: Client) -> Client:
    """Staff who may see what is in jobs and steer them."""
    return staff_with(client, "view_job", "steer_job")


@pytest.fixture
def viewer(client: Client) -> Client:
    """Staff who may see what is in jobs."""
    return staff_with(client, "view_job")


@pytest.fixture
def staff(client: Client) -> Client:
    """Staff without any permission."""
    return staff_with(client)
