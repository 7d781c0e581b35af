"""What agents can do with dark-sky sites."""

from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime

import pytest

from apps.stars.models import Site, SiteMonthStat
from monolith import entering
from tests.apps.stars.sites import make_site
from tests.tool_calls import all_items, answer, guest, refusal

pytestmark = pytest.mark.django_db(databases="__all__")

KIELDER = {
    "name": "Kielder",
    "place": {"latitude": 55.232, "longitude": -2.616},
    "time_zone": "Europe/London",
    "country": "England",
}


def test_a_site_is_added_once_with_its_nights() -> None:
    me = guest("execute:stars", "read:stars")

    first = answer(me, "stars_add_site", **KIELDER)

    assert answer(me, "stars_add_site", **KIELDER) == first
    assert (first["slug"], first["forecast_at"]) == ("kielder", None)
    elsewhere = KIELDER | {"place": {"latitude": 1.0, "longitude": 1.0}}
    assert "There is a site called" in refusal(me, "stars_add_site", **elsewhere)
    assert "No time zone" in refusal(me, "stars_add_site", **KIELDER | {"time_zone": "Mars/Base"})
    with entering("stars"):
        assert Site.objects.count() == 1
    nights = answer(me, "stars_list_nights", site="kielder", count=3)
    assert (nights["time_zone"], len(nights["nights"])) == ("Europe/London", 3)
    assert nights["nights"][0]["forecast"] is None
    assert "stars_list_sites" in refusal(me, "stars_list_nights", site="none")


def test_sites_are_listed_by_name_and_found_by_where_they_are() -> None:
    me = guest("read:stars")
    with entering("stars"):
        for name, latitude in (("Alpha", 55.0), ("Beta", 55.1), ("Gamma", 10.0)):
            make_site(name, latitude=latitude, now=datetime.now(UTC))

    assert [site["slug"] for site in all_items(me, "stars_list_sites", limit=1)] == ["alpha", "beta", "gamma"]
    near = {"latitude": 55.0, "longitude": -2.616, "radius_km": 50.0}
    assert [site["slug"] for site in all_items(me, "stars_list_sites", near=near, limit=1)] == [
        "alpha",
        "beta",
    ]
    assert [site["slug"] for site in all_items(me, "stars_list_sites", text="gam")] == ["gamma"]
    assert "radius_km" in refusal(me, "stars_list_sites", near={"latitude": 55.0, "longitude": 0.0})


def test_names_with_any_character_end_a_page() -> None:
    me = guest("read:stars")
    names = ["A\u00a0one", "A\u200dtwo", "A\u3000three"]
    with entering("stars"):
        for name in names:
            make_site(name, slug=name[2:], now=datetime.now(UTC))

    assert {site["name"] for site in all_items(me, "stars_list_sites", limit=1)} == {*names}


@pytest.mark.parametrize("text", ['["a\\u0000","a"]', '["a\\ud800","a"]', '["a"]', '["a",1]'])
def test_what_no_list_said_ends_no_page(text: str) -> None:
    after = urlsafe_b64encode(text.encode()).decode().rstrip("=")

    assert "is no `next`" in refusal(guest("read:stars"), "stars_list_sites", after=after)


def test_the_moon_is_computed_anywhere() -> None:
    days = ["2026-11-24", "2026-12-09"]

    found = answer(
        guest("read:stars"), "stars_get_moon_days", place={"latitude": 57.0, "longitude": -4.0}, days=days
    )["result"]

    assert [day["day"] for day in found] == days
    assert [day["phase"] for day in found] == ["full moon", "new moon"]


def test_past_months_come_newest_first() -> None:
    me = guest("read:stars")
    with entering("stars"):
        site = make_site()
        for month in (1, 2, 3):
            SiteMonthStat.objects.create(
                site=site,
                month=date(2026, month, 1),
                nights=28,
                good_nights=month,
                hours=200,
                dark_hours=100,
                clear_dark_hours=50,
                updated_at=datetime.now(UTC),
            )

    months = all_items(me, "stars_list_months", site="kielder", limit=1)

    assert [month["good_nights"] for month in months] == [3, 2, 1]
    assert "No site" in refusal(me, "stars_list_months", site="none")
