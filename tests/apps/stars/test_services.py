"""Sites on the real database: what services do, and what the database refuses."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import Error, IntegrityError

from apps.stars import services
from apps.stars.errors import SiteExistsError, SiteNotFoundError, UnknownZoneError
from apps.stars.forecast.fixture import FixtureForecast
from apps.stars.models import (
    NightTable,
    Site,
    SiteForecast,
    SiteHour,
    SiteMonthClimatology,
    SiteMonthStat,
)
from apps.stars.refresh import refresh_hours
from apps.stars.services import NIGHTS_AHEAD, UsualMonth
from monolith import atomic
from tests.apps.stars.sites import NOW, make_site

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_stars")]


def test_a_site_is_stored_with_its_nights_ahead() -> None:
    site = make_site("Rhön, Wasserkuppe", country="Germany", elevation_m=950)
    site.refresh_from_db()
    assert (site.slug, site.country, site.elevation_m, site.forecast_at) == (
        "rhon-wasserkuppe",
        "Germany",
        950,
        None,
    )
    nights = list(NightTable.objects.values_list("night", flat=True))
    assert nights == [date(2026, 11, 21) + timedelta(days=ahead) for ahead in range(NIGHTS_AHEAD)]


def test_the_first_night_is_the_one_that_the_sites_clocks_are_in() -> None:
    # Twenty past noon in Greenwich: past one in the night in New Zealand, in the small hours of Hawaii.
    make_site("South", latitude=-43.987, longitude=170.465, time_zone="Pacific/Auckland")
    make_site("West", latitude=19.826, longitude=-155.472, time_zone="Pacific/Honolulu")
    first = {
        slug: NightTable.objects.filter(site__slug=slug).earliest("night").night for slug in ("south", "west")
    }
    assert first == {"south": date(2026, 11, 21), "west": date(2026, 11, 20)}


def test_a_slug_can_be_given_and_a_name_without_letters_still_has_one() -> None:
    assert make_site("Møns Klint", slug="mons-klint").slug == "mons-klint"
    assert make_site("富士山").slug == "site"
    assert make_site("_x_-_y-_").slug == "x-y"
    assert make_site("A_b " + "c" * 116).slug == ("a-b-" + "c" * 116)[:80]


def test_a_name_whose_slug_is_taken_is_refused_and_nothing_is_stored() -> None:
    make_site()
    with pytest.raises(SiteExistsError, match="'kielder'"):
        make_site("Kielder!")
    assert Site.objects.count() == 1
    assert NightTable.objects.count() == NIGHTS_AHEAD


@pytest.mark.parametrize("name", ["", "Mars/Base", "europe/london", "../etc/passwd", "Europe", "\0"])
def test_a_time_zone_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(UnknownZoneError, match="Use an IANA name"):
        make_site(time_zone=name)
    assert not Site.objects.exists()


def test_an_edit_changes_what_is_given_and_moves_the_version() -> None:
    before = make_site(country="Scotland")
    after = services.edit_site(slug="kielder", country="England", summary="Dark.")
    assert (after.name, after.country, after.summary, after.slug) == (
        "Kielder",
        "England",
        "Dark.",
        "kielder",
    )
    assert after.updated_at > before.updated_at
    again = services.edit_site(slug="kielder", country="England")
    assert again.updated_at == after.updated_at  # nothing changed, so no cache needs to know
    assert services.edit_site(slug="kielder", summary="").summary == ""


def test_climatology_replaces_the_months_given_and_keeps_the_others() -> None:
    make_site()
    months = [UsualMonth(month=month, cloud_pct=60, clear_dark_pct=30) for month in range(1, 13)]
    assert len(services.load_climatology(slug="kielder", source="Old", months=months)) == 12
    services.load_climatology(
        slug="kielder", source="New", months=[UsualMonth(month=6, cloud_pct=50, clear_dark_pct=0)]
    )
    found = dict(SiteMonthClimatology.objects.values_list("month", "source"))
    assert (found.pop(6), set(found.values())) == ("New", {"Old"})


@pytest.mark.parametrize(
    "change",
    [services.edit_site, lambda slug: services.load_climatology(slug=slug, source="x", months=[])],
    ids=["edit", "climatology"],
)
def test_an_unknown_site_is_named(change: Any) -> None:
    with pytest.raises(SiteNotFoundError, match="'nowhere'"):
        change(slug="nowhere")


def test_computing_nights_adds_what_is_missing_and_touches_nothing_else() -> None:
    make_site()
    make_site("South", latitude=-43.987, longitude=170.465, time_zone="Pacific/Auckland")
    known = dict(NightTable.objects.values_list("pk", "computed_at"))
    assert services.compute_nights(now=NOW) == 0
    assert services.compute_nights(now=NOW + timedelta(days=3)) == 6
    assert NightTable.objects.filter(pk__in=known, computed_at=NOW).count() == len(known)
    assert NightTable.objects.filter(site__slug="south").latest("night").night == date(2026, 12, 28)


def test_the_command_computes_nights_from_now_on() -> None:
    make_site(now=datetime(2020, 1, 1, tzinfo=UTC))
    out = StringIO()
    call_command("compute_nights", stdout=out)
    assert out.getvalue() == f"{NIGHTS_AHEAD} nights computed\n"


def test_with_a_site_goes_all_that_hangs_on_it() -> None:
    make_site()
    refresh_hours(provider=FixtureForecast(), now=NOW)
    Site.objects.all().delete()
    for model in (SiteHour, NightTable, SiteForecast, SiteMonthStat, SiteMonthClimatology):
        assert not model._default_manager.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"slug": "Not A Slug"},
        {"latitude": 91.0},
        {"longitude": float("nan")},
        {"elevation_m": 9001.0},
        {"time_zone": ""},
        {"name": None},
    ],
    ids=str,
)
def test_the_database_refuses_a_broken_site(changes: dict[str, Any]) -> None:
    make_site()
    with pytest.raises(Error, match=r"stars_site|null value"), atomic():
        Site.objects.update(**changes)


@pytest.mark.parametrize(
    "changes",
    [{"dark_from": None}, {"dark_until": NOW - timedelta(days=9)}, {"moon_illumination": 1.1}],
    ids=str,
)
def test_the_database_refuses_a_night_that_cannot_be(changes: dict[str, Any]) -> None:
    make_site()
    with pytest.raises(IntegrityError, match="stars_night"), atomic():
        NightTable.objects.update(**changes)
    NightTable.objects.update(dark_from=None, dark_until=None)


@pytest.mark.parametrize(
    "month",
    [{"month": 0}, {"month": 13}, {"cloud_pct": 101}, {"clear_dark_pct": float("nan")}, {"source": ""}],
    ids=str,
)
def test_the_database_refuses_a_month_that_there_is_not(month: dict[str, Any]) -> None:
    site = make_site()
    values = {"month": 1, "cloud_pct": 1, "clear_dark_pct": 1, "source": "x"} | month
    with pytest.raises(IntegrityError, match="stars_climatology_values"), atomic():
        SiteMonthClimatology.objects.create(site=site, **values)
