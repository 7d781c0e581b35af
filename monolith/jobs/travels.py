"""What travels with a job from who enqueues it: trace, tenant, actor, and what it belongs to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from monolith.contracts.scope import acting, call_scope, correlated, correlation_id
from monolith.telemetry import continuing, outgoing_headers


def outgoing() -> dict[str, str]:
    """Return what a job enqueued here takes along."""
    scope = call_scope()
    given = {
        "tenant": scope.tenant,
        "actor": scope.actor,
        "correlation": correlation_id(),
        "causation": scope.causation,
        **outgoing_headers(),
    }
    return {name: value for name, value in given.items() if value}


@contextmanager
def traveling(travels: Mapping[str, str], *, name: str, job: str) -> Iterator[None]:
    """Run a job's function on behalf of who enqueued it, as a span of the same trace.

    What belongs to nothing, as a schedule's job, begins something of its own, named after the `job`.
    """
    with (
        acting(tenant=travels.get("tenant", ""), actor=travels.get("actor", "")),
        correlated(correlation=travels.get("correlation") or job, causation=travels.get("causation", "")),
        continuing(travels, name),
    ):
        yield
