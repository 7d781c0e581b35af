"""What compliance does by itself. Workers call these as compliance."""

from datetime import timedelta

from apps.compliance import chain
from apps.compliance.errors import AuditBrokenError
from monolith.jobs import Retry, task


@task(
    time_limit_s=1800,
    transaction=False,  # a long chain is read in batches; a transaction would keep dead rows of the module that long
    # A break is found again; a database that was away is not.
    retry=Retry(attempts=2, first_s=60),
    dedupe_key="verify_audit",
    concurrency_key="verify_audit",
    cron="40 2 * * *",
    jitter=timedelta(minutes=10),
)
def verify_audit() -> dict[str, int]:
    """Recompute every hash of the audit; returns how many chains and entries are whole.

    Raises AuditBrokenError with the first break of each chain.
    """
    chains = chain.chains()
    breaks = [found for each in chains if (found := chain.first_break(each, chain.links(each)))]
    if breaks:
        raise AuditBrokenError(breaks, of=len(chains))
    return {"chains": len(chains), "entries": sum(each.length for each in chains)}
