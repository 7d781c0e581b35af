"""Banking nights in their months before they are removed, once and whole."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DataError, IntegrityError

from apps.stars.forecast.fixture import FixtureForecast
from apps.stars.models import NightTable, Site, SiteHour, SiteMonthStat
from apps.stars.pruning import PruneReport, prune
from apps.stars.refresh import refresh_hours
from monolith import atomic
from tests.apps.stars.sites import make_site

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_stars")]

HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def store(site: Site, night: date, *, clear: int, dark: int = 10, hours: int = 24) -> None:
    """Store a night of `hours` hours, the first `dark` of them dark, the first `clear` of those clear."""
    begin = datetime(night.year, night.month, night.day, 12, tzinfo=UTC)
    SiteHour.objects.bulk_create(
        SiteHour(
            site=site,
            starts_at=begin + HOUR * n,
            night=night,
            temp_c=5,
            humidity_pct=50,
            wind_kmh=5,
            cloud_pct=0 if n < clear else 80,
            dew_spread_c=9,
            sun_altitude_deg=-20 if n < dark else 5,
            moon_altitude_deg=-5,
            moon_illumination=0.1,
            score=0,
        )
        for n in range(hours)
    )


def stats() -> dict[tuple[str, str], tuple[int, ...]]:
    rows = SiteMonthStat.objects.values_list(
        "site__slug", "month", "nights", "good_nights", "hours", "dark_hours", "clear_dark_hours"
    )
    return {(slug, f"{month:%Y-%m}"): tuple(counts) for slug, month, *counts in rows}


def test_a_night_is_banked_a_day_after_it_ended_and_removed() -> None:
    site = make_site()
    store(site, date(2026, 11, 21), clear=3)
    # It ends at noon of the 22nd, and can be looked at for a day.
    assert prune(now=utc("2026-11-23T11:59")).hours == 0
    assert stats() == {}
    assert prune(now=utc("2026-11-23T12:00")) == PruneReport(hours=24, nights=1)
    assert stats() == {("kielder", "2026-11"): (1, 1, 24, 10, 3)}
    assert not SiteHour.objects.exists()
    assert NightTable.objects.earliest("night").night == date(2026, 11, 22)


def test_banking_adds_to_what_the_month_has_and_counts_nothing_twice() -> None:
    site = make_site()
    store(site, date(2026, 11, 21), clear=3)
    prune(now=utc("2026-11-23T12:00"))
    store(site, date(2026, 11, 22), clear=1, dark=11)
    for _ in range(3):
        prune(now=utc("2026-11-24T12:00"))
    assert stats() == {("kielder", "2026-11"): (2, 1, 48, 21, 4)}


def test_a_good_night_has_two_clear_dark_hours() -> None:
    site = make_site()
    for day, clear in ((1, 0), (2, 1), (3, 2), (4, 5)):
        store(site, date(2026, 11, day), clear=clear)
    prune(now=utc("2026-11-30T00:00"))
    nights, good, *_ = stats()["kielder", "2026-11"]
    assert (nights, good) == (4, 2)


def test_the_night_of_the_last_evening_belongs_to_the_month_it_began_in() -> None:
    site = make_site()
    store(site, date(2026, 11, 30), clear=2)  # most of it is in December
    store(site, date(2026, 12, 1), clear=4)
    prune(now=utc("2026-12-31T00:00"))
    assert {month: counts[4] for (_, month), counts in stats().items()} == {"2026-11": 2, "2026-12": 4}


def test_each_site_goes_by_its_own_clocks() -> None:
    north = make_site()
    south = make_site("South", latitude=-43.987, longitude=170.465, time_zone="Pacific/Auckland")
    west = make_site("West", latitude=19.826, longitude=-155.472, time_zone="Pacific/Honolulu")
    for site in (north, south, west):
        store(site, date(2026, 11, 21), clear=1)
    # Noon of the 23rd in New Zealand, not yet in Britain, nor in Hawaii.
    prune(now=utc("2026-11-22T23:00"))
    assert [slug for slug, _ in stats()] == ["south"]
    prune(now=utc("2026-11-23T12:00"))
    assert {slug for slug, _ in stats()} == {"south", "kielder"}
    prune(now=utc("2026-11-23T22:00"))
    assert {slug for slug, _ in stats()} == {"south", "kielder", "west"}


def test_a_night_without_dark_hours_is_banked_as_one() -> None:
    site = make_site(latitude=57)
    store(site, date(2026, 6, 21), clear=0, dark=0)
    prune(now=utc("2026-06-24T00:00"))
    assert stats() == {("kielder", "2026-06"): (1, 0, 24, 0, 0)}


def test_when_banking_fails_nothing_is_removed() -> None:
    site = make_site()
    south = make_site("South", latitude=-43.987, longitude=170.465, time_zone="Pacific/Auckland")
    store(site, date(2026, 11, 21), clear=3)
    store(south, date(2026, 11, 21), clear=3)
    # A month that holds as much as its column can takes no more. Its site comes after one that could be banked.
    SiteMonthStat.objects.create(
        site=south,
        month=date(2026, 11, 1),
        nights=1,
        good_nights=0,
        hours=2**31 - 1,
        dark_hours=0,
        clear_dark_hours=0,
        updated_at=utc("2026-11-01T00:00"),
    )
    with pytest.raises(DataError, match="out of range"):
        prune(now=utc("2026-11-23T12:00"))
    assert SiteHour.objects.count() == 48
    assert NightTable.objects.filter(night=date(2026, 11, 21)).count() == 2
    assert stats()["south", "2026-11"][0] == 1
    assert len(stats()) == 1


def test_refreshing_after_pruning_brings_no_banked_hour_back() -> None:
    make_site()
    refresh_hours(provider=FixtureForecast(), now=utc("2026-11-21T12:20"))
    later = utc("2026-11-24T12:20")
    pruned = prune(now=later)
    assert pruned.hours == 48
    before = stats()
    refresh_hours(provider=FixtureForecast(), now=later)
    assert prune(now=later).hours == 0
    assert stats() == before


@pytest.mark.parametrize(
    "changes",
    [{"month": date(2026, 11, 2)}, {"good_nights": 2}, {"dark_hours": 25}, {"clear_dark_hours": 11}],
    ids=str,
)
def test_the_database_refuses_a_month_that_does_not_add_up(changes: dict[str, object]) -> None:
    store(make_site(), date(2026, 11, 21), clear=3)
    prune(now=utc("2026-11-23T12:00"))
    with pytest.raises(IntegrityError, match="stars_stat"), atomic():
        SiteMonthStat.objects.update(**changes)


def test_the_command_says_what_it_did() -> None:
    store(make_site(now=utc("2020-01-01T00:00")), date(2020, 1, 1), clear=3)
    out = StringIO()
    call_command("prune_stars", stdout=out)
    assert out.getvalue() == "24 hours banked and removed, 35 night tables removed\n"
