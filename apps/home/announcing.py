"""What home tells others: that a service has come to the other side of its objective."""

from collections.abc import Sequence
from datetime import datetime

from apps.home.latches import Crossing
from contracts.home import SloBreached, SloRecovered
from monolith.contracts import Event
from monolith.events import publish_all


def tell(crossings: Sequence[Crossing], *, now: datetime) -> None:
    """Tell of crossings, each by the numbers that it was judged by. Runs in the roll-up's transaction, at its end."""
    publish_all([_event(crossing, now) for crossing in crossings])


def _event(crossing: Crossing, now: datetime) -> Event:
    service, verdict = crossing.service, crossing.verdict
    common = {
        "service": service.slug,
        "name": service.name,
        "module": service.module,
        "at": now,
        # Nothing turns without probes, so there is a share.
        "availability_pct": float(verdict.availability_pct or 0),
        "target_pct": float(service.target_pct),
        "window_minutes": service.window_minutes,
    }
    if crossing.breached:
        return SloBreached(**common, budget_left_minutes=float(verdict.left_minutes))
    return SloRecovered(**common, breached_at=crossing.before_since or now)
