"""What led to what: the messages of a correlation, over the outboxes and inboxes of this process's modules."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from monolith.events import inbox
from monolith.events.envelope import Envelope
from monolith.events.outbox import statement
from monolith.events.rows import Stop, Traced
from monolith.events.steering import readable
from monolith.jobs.records import fetch
from monolith.jobs.steering import MAX_LISTED, steering

_OUTBOX: Final = statement("correlated_outbox")
_INBOX: Final = statement("correlated_inbox")

type Sighting = tuple[Envelope, Stop]


def sightings(module: str, correlation: str) -> Iterator[Sighting]:
    """Yield where messages of a correlation are in one module, up to 1,000 of each kind. Reads all of its messages."""
    with steering(module):
        leaving = fetch(_OUTBOX, correlation=correlation, limit=MAX_LISTED)
        kept = fetch(_INBOX, correlation=correlation, nobody=inbox.NOBODY, limit=MAX_LISTED)
    stops = [
        (body, Stop(module=module, subscriber="", status=f"{status} in the outbox", job=None))
        for body, status in leaving
    ]
    stops += [
        (body, Stop(module=module, subscriber="" if task == inbox.NOBODY else task, status=status, job=job))
        for job, task, status, body in kept
    ]
    for body, stop in stops:
        envelope = readable(body)
        if envelope is not None and envelope.correlation_id == correlation:
            yield envelope, stop


def messages(found: Iterable[Sighting]) -> list[Traced]:
    """Put what was found together: each message once, with all the places it is at, in the order of publishing."""
    envelopes: dict[str, Envelope] = {}
    stops: dict[str, list[Stop]] = defaultdict(list)
    for envelope, stop in found:
        envelopes[str(envelope.id)] = envelope
        stops[str(envelope.id)].append(stop)
    traced = [
        Traced(
            id=name,
            type=envelope.type,
            causation=envelope.causation_id,
            occurred_at=envelope.occurred_at,
            stops=tuple(stops[name]),
        )
        for name, envelope in envelopes.items()
    ]
    return sorted(traced, key=lambda each: (each.occurred_at, each.id))
