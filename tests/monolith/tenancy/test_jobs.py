"""Jobs act for the tenant that enqueued them."""

import pytest

from monolith.contracts import acting
from monolith.testing.jobs import Jobs
from tests.monolith.jobs.toy import Toy, toy
from tests.monolith.tenancy.toy import Hut

__all__ = ["toy"]

seen: list[tuple[str, list[str]]] = []


def build(name: str) -> None:
    Hut.objects.create(name=name)
    seen.append((name, sorted(Hut.objects.values_list("name", flat=True))))


@pytest.mark.usefixtures("tenant_tables")
@pytest.mark.parametrize("transaction", [True, False])
def test_job_reads_and_writes_for_the_tenant_that_enqueued_it(
    toy: Toy, jobs: Jobs, transaction: bool
) -> None:
    task = toy(build, transaction=transaction)
    seen.clear()
    for tenant, name in (("a", "alm"), ("b", "berg"), ("a", "alp")):
        with acting(tenant=tenant):
            task.enqueue(name)

    assert sorted(job.tenant for job in jobs.enqueued(task)) == ["a", "a", "b"]

    jobs.run_due()

    assert seen == [("alm", ["alm"]), ("berg", ["berg"]), ("alp", ["alm", "alp"])]


@pytest.mark.usefixtures("tenant_tables")
def test_job_of_nobody_reaches_no_row(toy: Toy, jobs: Jobs) -> None:
    with acting(tenant="a"):
        Hut.objects.create(name="alm")
    task = toy(look)
    seen.clear()
    task.enqueue()

    jobs.run_due()

    assert seen == [("", [])]


def look() -> None:
    seen.append(("", list(Hut.objects.values_list("name", flat=True))))
