"""What compliance does by itself, each task called as a worker calls it."""

from datetime import datetime

import pytest

from apps.compliance import services, tasks
from apps.compliance.decisions import Question
from apps.compliance.errors import AuditBrokenError
from tests.apps.compliance.conftest import Execute

pytestmark = pytest.mark.usefixtures("committed_db", "in_compliance")


def record(count: int, *, tenant: str, now: datetime) -> None:
    for number in range(count):
        services.check(Question(tenant, f"user:{number}", "ships.ingest", "source:post"), by="", now=now)


def test_whole_chains_are_counted(now: datetime) -> None:
    assert tasks.verify_audit.call() == {"chains": 0, "entries": 0}
    record(3, tenant="acme", now=now)
    record(2, tenant="", now=now)

    assert tasks.verify_audit.call() == {"chains": 2, "entries": 5}


def test_a_break_fails_the_job_and_is_named(tamper: Execute, now: datetime) -> None:
    record(3, tenant="acme", now=now)
    record(2, tenant="", now=now)
    tamper("DELETE FROM compliance_auditentry WHERE tenant = 'acme' AND position = 2")

    with pytest.raises(
        AuditBrokenError, match="1 of 2 chains broken: tenant 'acme' at 2: the entry is missing"
    ):
        tasks.verify_audit.call()
