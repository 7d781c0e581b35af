"""What home promises other modules."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.home import api, services
from apps.home.rollup import roll_up
from apps.home.samples.port import Sample
from apps.home.samples.postgres import PostgresSamples
from contracts.home import Status
from monolith import entering

pytestmark = [pytest.mark.django_db(databases="__all__")]


def test_status_comes_with_its_age() -> None:
    now = timezone.now()
    with entering("home"):
        assert api.service_status() == []
        for slug in ("mail", "web"):
            services.add_service(slug=slug, name=slug.title(), path="/")
        web = services.get_service("web")
        outcomes = [True, True, False]
        PostgresSamples().record(
            [
                Sample(
                    service=web.pk,
                    at=now - timedelta(minutes=n),
                    good=good,
                    failure="" if good else "timeout",
                )
                for n, good in enumerate(outcomes)
            ]
        )
        roll_up(store=PostgresSamples(), now=now)
        mail, found = api.service_status()
        assert api.service_status(services=["web", "none"]) == [found]
    assert (found.status, found.availability_pct, found.target_pct) == (Status.DEGRADED, 66.666, 99.5)
    assert (found.budget_left_minutes, found.probed_at, found.snapshot_at) == (49.4, now, now)
    assert not found.stale
    assert (mail.status, mail.availability_pct, mail.stale) == (Status.UNKNOWN, None, True)


def test_a_status_that_is_old_says_so() -> None:
    then = timezone.now() - timedelta(minutes=6)
    with entering("home"):
        web = services.add_service(slug="web", name="Web", path="/")
        PostgresSamples().record([Sample(service=web.pk, at=then, good=True, status=200, latency_ms=1.0)])
        roll_up(store=PostgresSamples(), now=then)
        (found,) = api.service_status()
    assert (found.status, found.stale) == (Status.HEALTHY, True)
