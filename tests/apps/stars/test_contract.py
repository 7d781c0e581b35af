"""What other modules may ask of stars, as hikes asks it."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta

import pytest
import time_machine
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.stars import sky, sun
from apps.stars.refresh import refresh_hours
from contracts.stars import Around, Place, Stars
from monolith import entering
from monolith.contracts import InvalidCall, require
from tests.apps.stars.clear_on import ClearOn
from tests.apps.stars.sites import NOW, make_site

pytestmark = pytest.mark.django_db(databases="__all__")

LONDON = Place(latitude=51.5074, longitude=-0.1278)
NORTH = Place(latitude=80, longitude=0)


@pytest.fixture
def in_hikes() -> Iterator[None]:
    with entering("hikes"):
        yield


@pytest.mark.usefixtures("in_hikes")
class TestSunTimes:
    def test_come_for_many_places_and_days_in_the_order_asked(self) -> None:
        days = [date(2026, 6, 21), date(2019, 12, 21)]
        with CaptureQueriesContext(connections["stars"]) as queries:
            found = require(Stars).sun_times(places=[LONDON, NORTH], days=days)
        assert len(queries) == 0
        assert [[times.day for times in each] for each in found] == [days, days]
        expected = sun.sun_times(days[0], sky.Place(51.5074, -0.1278))
        assert found[0][0].model_dump() == asdict(expected)
        assert found[1][0].up_from is not None
        assert (found[1][0].sunrise, found[1][1].up_from) == (None, None)

    def test_of_nothing_are_none(self) -> None:
        assert require(Stars).sun_times(places=[], days=[date(2026, 6, 21)]) == []
        assert require(Stars).sun_times(places=[LONDON], days=[]) == [[]]

    @pytest.mark.parametrize(
        ("places", "days"),
        [
            ([LONDON] * 201, [date(2026, 6, 21)]),
            ([LONDON], [date(2026, 6, 21) + timedelta(days=n) for n in range(32)]),
            ([LONDON], [date(1899, 12, 31)]),
            ([LONDON], [date(2101, 1, 1)]),
        ],
        ids=["places", "days", "early", "late"],
    )
    def test_are_bounded(self, places: list[Place], days: list[date]) -> None:
        with pytest.raises(InvalidCall, match=r"Stars|sun_times"):
            require(Stars).sun_times(places=places, days=days)


class TestBestSites:
    @pytest.fixture(autouse=True)
    def sites(self) -> None:
        with entering("stars"):
            make_site("South", latitude=54, longitude=-3)
            make_site("North", latitude=57, longitude=-3)
            refresh_hours(provider=ClearOn(21), now=NOW, slug="south")
            refresh_hours(provider=ClearOn(21, 23), now=NOW, slug="north")

    @time_machine.travel(NOW, tick=False)
    @pytest.mark.usefixtures("in_hikes")
    def test_are_asked_near_a_place_or_anywhere(self) -> None:
        anywhere = require(Stars).best_sites()
        assert {night.slug for night in anywhere} == {"north", "south"}
        assert {night.away_km for night in anywhere} == {None}
        here = Around(latitude=54, longitude=-3, radius_km=50)
        (found,) = require(Stars).best_sites(near=here, nights=1, limit=1)
        assert (found.slug, found.night, found.clear_dark_hours, found.away_km) == (
            "south",
            date(2026, 11, 21),
            12,
            0,
        )

    @time_machine.travel(NOW, tick=False)
    @pytest.mark.usefixtures("in_hikes")
    def test_take_one_statement(self) -> None:
        with CaptureQueriesContext(connections["stars"]) as queries:
            require(Stars).best_sites(near=Around(latitude=54, longitude=-3))
        assert len(queries) == 1
