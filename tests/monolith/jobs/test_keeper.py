"""The keeper: what goes wrong with one thing that is due holds up nothing else."""

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from monolith.jobs.keeper import Keeper
from monolith.jobs.slots import Slots
from monolith.models import Job, Schedule
from tests.monolith.jobs.toy import MODULE, Toy

pytestmark = pytest.mark.django_db(databases="__all__")


HOUR = timedelta(hours=1)


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
    task = toy(tidy, every=HOUR)
    job = task.using(run_after=timezone.now() + HOUR).enqueue()
    keeper._tend(MODULE)
    assert Job.objects.get(pk=job.id).status == "waiting"

    Schedule.objects.filter(pk=task.module_path).update(
        every_s=None, cron="nonsense", next_at=timezone.now() - HOUR
    )
    Job.objects.update(due_at=timezone.now() - HOUR)
    with pytest.raises(ExceptionGroup, match="schedules of hikes"):
        keeper._tend(MODULE)
    assert Job.objects.get(pk=job.id).status == "ready"
