"""Enqueuing while others claim and start: transactions that really commit."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from monolith import atomic, entering
from monolith.jobs import records
from tests.monolith.jobs.toy import Toy


def note() -> None:
    """Do nothing."""


@pytest.mark.usefixtures("committed_db")
def test_a_job_does_not_start_before_the_transaction_that_asked_for_it_again(toy: Toy) -> None:
    task = toy(note, dedupe_key="note")
    task.enqueue()
    (job,) = records.claim("hikes", limit=5, heavy=True)

    def start() -> bool:
        try:
            with entering("hikes"):
                return records.start(job, lease_s=5, worker="w")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        with atomic():
            assert task.enqueue().id == str(job.id)
            assert not other.submit(start).result(timeout=5)
        assert other.submit(start).result(timeout=5)
