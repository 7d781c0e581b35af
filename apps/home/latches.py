"""Crossings of objectives: a service breaches its own once, and recovers once, however often it is looked at.

A latch closes when a service is degraded and opens when it is healthy again. In between, at warning, it stays as it
is, so a service that hovers about its target does not cross with every probe.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.home.models import ProbeLatch, Service
from apps.home.slo import Verdict
from contracts.home import Status

logger = logging.getLogger(__name__)

MIN_PROBES: Final = 5  # fewer say nothing: the first failed one of two would be an outage


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A service has come to the other side of its objective."""

    service: Service
    breached: bool  # else it recovered
    verdict: Verdict
    before_since: datetime | None  # when it had come to the other one; None: it never had


def cross(verdicts: Iterable[tuple[Service, Verdict]], *, now: datetime) -> list[Crossing]:
    """Turn the latches that verdicts turn, and return each crossing once. Runs in the caller's transaction."""
    latches = {latch.pk: latch for latch in ProbeLatch.objects.select_for_update()}
    crossings, turned = [], []
    for service, verdict in verdicts:
        latch = latches.get(service.pk) or ProbeLatch(service=service)
        if not _turns(latch, verdict):
            continue
        crossing = Crossing(
            service=service, breached=not latch.breached, verdict=verdict, before_since=latch.crossed_at
        )
        latch.breached, latch.crossed_at = crossing.breached, now
        latch.crossings += 1
        turned.append(latch)
        crossings.append(crossing)
    ProbeLatch.objects.bulk_create(
        turned,
        update_conflicts=True,
        unique_fields=["service"],
        update_fields=["breached", "crossed_at", "crossings"],
    )
    for crossing in crossings:
        _log(crossing)
    return crossings


def _turns(latch: ProbeLatch, verdict: Verdict) -> bool:
    if verdict.total < MIN_PROBES:
        return False
    return verdict.status is (Status.HEALTHY if latch.breached else Status.DEGRADED)


def _log(crossing: Crossing) -> None:
    verdict = crossing.verdict
    logger.log(
        logging.WARNING if crossing.breached else logging.INFO,
        "%s %s its objective: %d of %d probes were good, %s minutes of its budget are left",
        crossing.service.slug,
        "breached" if crossing.breached else "meets again",
        verdict.good,
        verdict.total,
        verdict.left_minutes,
    )
