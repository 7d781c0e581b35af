"""A few calls of a sample tenant, none of which can leave: their hosts are reserved for documentation (RFC 2606)."""

from datetime import UTC, datetime, timedelta
from typing import Final

TENANT: Final = "sample"
CALLS: Final = (
    ("Confirm the booking", "https://bookings.example/confirm", 30),
    ("Renew the certificate", "https://certificates.example/renew", 60),
    ("Send the monthly report", "https://reports.example/send", 90),
)


def load() -> str:
    """Submit the sample calls once, a month and more ahead; put up a routine job and a decision."""
    # Here, because settings name this function before Django is ready.
    from apps.agent import decisions, queries, routines, submissions
    from apps.agent.models import Submission
    from contracts.agent import CallRequest, Method
    from monolith import entering
    from monolith.contracts import acting

    now = datetime.now(UTC)
    with entering("agent"), acting(tenant=TENANT):
        if queries.own(Submission).exists():
            return "sample calls are there already"
        for name, url, days in CALLS:
            submissions.submit(
                name=name,
                request=CallRequest(method=Method.POST, url=url, body='{"sample": true}'),
                due_at=now + timedelta(days=days),
                idempotency_key=f"sample-{days}",
            )
        routines.add(name="tidy", payload={"folder": "drafts"})
        decisions.ask(
            question="Send the monthly report to everyone?",
            options=["yes", "no"],
            expires_at=now + timedelta(days=90),
        )
    return f"{len(CALLS)} calls, a routine job and a decision new"
