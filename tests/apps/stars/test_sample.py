"""The sites that ship, and what a visitor finds after loading them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.stars.models import NightTable, Site
from apps.stars.sample import load
from apps.stars.zones import zone_named
from monolith import entering

pytestmark = pytest.mark.django_db(databases="__all__")


def test_the_sample_loads_once_and_has_something_to_look_forward_to(client: Client) -> None:
    assert load() == "30 sites new, 0 known, 5760 hours of weather"
    assert load() == "0 sites new, 30 known, 0 hours of weather"
    sites = client.get("/api/stars/sites?limit=100").json()["items"]
    assert len(sites) == 30
    assert {site["latitude"] > 0 for site in sites} == {True, False}  # both halves of the Earth
    assert client.get("/api/stars/best?nights=7").json()["items"]
    history = client.get("/api/stars/sites/kielder/history").json()
    assert {month["source"] for month in history["usual"]} == {"made up, as the fixture forecast is"}


def test_every_sites_time_zone_fits_its_place() -> None:
    load()
    with entering("stars"):
        sites = list(Site.objects.all())
        assert NightTable.objects.values("site").distinct().count() == len(sites)
    for site in sites:
        offset = timezone.now().astimezone(zone_named(site.time_zone)).utcoffset()
        assert offset is not None
        assert abs(offset - timedelta(hours=site.longitude / 15)) < timedelta(hours=3), site.slug
