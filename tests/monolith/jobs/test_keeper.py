"""The keeper: what goes wrong with one thing that is due holds up nothing else."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from monolith.jobs import schedules
from monolith.jobs.keeper import Keeper
from monolith.jobs.slots import Slots
from monolith.models import Job, Schedule
from tests.monolith.jobs.toy import MODULE, Toy

pytestmark = pytest.mark.django_db(databases="__all__")


def tidy() -> None:
    """Do nothing; the tests here look at rows."""


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    slots = Slots((MODULE,), 1, per_module=1)
    yield Keeper(slots, writer)
    slots._file.close()
    os.close(reader)
    os.close(writer)


def test_a_schedule_that_cannot_be_fired_keeps_no_job_waiting(toy: Toy, keeper: Keeper) -> None:
    task = toy(tidy, every=timedelta(hours=1))
    schedules.upsert(MODULE)
    Schedule.objects.update(every_s=None, cron="nonsense")
    job = task.using(run_after=timezone.now() + timedelta(hours=1)).enqueue()
    Job.objects.update(due_at=timezone.now())

    with suppress(ExceptionGroup):
        keeper._tend(MODULE)
    assert Job.objects.get(pk=job.id).status == "ready"
