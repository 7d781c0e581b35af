"""A round of probes: every service is asked once, side by side, and then one short write. Runs as home."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Final

import httpx2

from apps.home.asking import Answer, Target, ask, open_client
from apps.home.models import Failure, Service
from apps.home.origins import address_of
from apps.home.samples.port import Sample, SampleStore

THREADS: Final = 16  # more finish a round of slow services sooner, and ask more of the public tier at once
BUDGET_S: Final = 35.0  # no further service is asked after it; the last answers may take MAX_TIMEOUT_MS more


@dataclass(slots=True, kw_only=True)
class ProbeReport:
    """How a round went, by number of services."""

    good: int = 0
    bad: int = 0
    not_up_yet: int = 0  # never answered so far and unreachable: nothing to measure
    not_allowed: int = 0  # their address is on no list, or nobody said where the public tier is
    left: int = 0  # the time was used up before their turn

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def probe_services(*, store: SampleStore, now: datetime, budget_s: float = BUDGET_S) -> ProbeReport:
    """Ask every active service once and record what came of it, all as of `now`.

    What was not asked leaves no sample. Raises SampleStoreError when the samples could not be stored.
    """
    report = ProbeReport()
    services = list(Service.objects.filter(active=True).order_by("slug"))
    targets = {service.pk: target for service in services if (target := _target(service))}
    report.not_allowed = len(services) - len(targets)
    answers = _ask_all(list(targets.values()), budget_s)
    samples = []
    for service in services:
        if service.pk not in targets:
            continue
        answer = answers.get(service.pk)
        if answer is None:
            report.left += 1
        elif answer.failure is Failure.UNREACHABLE and service.answered_at is None:
            report.not_up_yet += 1
        else:
            report.good += answer.good
            report.bad += not answer.good
            samples.append(_sample(service, answer, now))
    store.record(samples)
    _remember_first_answers(samples, now)
    return report


def _target(service: Service) -> Target | None:
    address = address_of(service.origin)
    if address is None:
        return None
    return Target(
        service=service.pk,
        url=f"{address}{service.path}",
        timeout_s=service.timeout_ms / 1000,
        expected_status=service.expected_status,
    )


def _ask_all(targets: Sequence[Target], budget_s: float) -> dict[int, Answer]:
    if not targets:
        return {}
    until = monotonic() + budget_s
    with open_client() as client, ThreadPoolExecutor(min(THREADS, len(targets))) as threads:
        answers = threads.map(partial(_ask_in_time, client, until), targets)
        return {
            target.service: answer
            for target, answer in zip(targets, answers, strict=True)
            if answer is not None
        }


def _ask_in_time(client: httpx2.Client, until: float, target: Target) -> Answer | None:
    return ask(client, target) if monotonic() < until else None


def _sample(service: Service, answer: Answer, now: datetime) -> Sample:
    return Sample(
        service=service.pk,
        at=now,
        good=answer.good,
        status=answer.status,
        latency_ms=answer.latency_ms,
        failure=answer.failure.value,
    )


def _remember_first_answers(samples: Iterable[Sample], now: datetime) -> None:
    answered = [sample.service for sample in samples if sample.status is not None]
    Service.objects.filter(pk__in=answered, answered_at=None).update(answered_at=now)
