"""What stars promises: the sun anywhere, and where the nights ahead are dark and clear; and what it tells of them."""

from datetime import date
from typing import Annotated, Protocol

from pydantic import Field

from monolith.contracts import Event, Interface, Schema, UtcDatetime, tool

Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2100, 12, 31))]


class Place(Schema):
    """A place on Earth in degrees, north and east positive."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class Around(Place):
    """What is near a place."""

    radius_km: Annotated[float, Field(gt=0)] | None = None
    """At most so far from it; None asks for the distance alone."""


Places = Annotated[list[Place], Field(max_length=200)]
Days = Annotated[list[Day], Field(max_length=31)]
Nights = Annotated[int, Field(ge=1, le=9)]
Limit = Annotated[int, Field(ge=1, le=50)]


class SunTimes(Schema):
    """The sun at a place on one day there, from one solar midnight to the next."""

    day: date
    sunrise: UtcDatetime | None
    """None when it does not rise that day: the sun stays up, or stays down."""
    noon: UtcDatetime
    sunset: UtcDatetime | None
    up_from: UtcDatetime | None
    """When its light begins: at sunrise, at the midnight before where it was up all night; None when it stays down."""
    up_until: UtcDatetime | None
    """When its light ends: at sunset or the midnight after, where the next day's begins."""


class BestNight(Schema):
    """A dark-sky site and its best night ahead."""

    slug: str
    name: str
    country: str
    latitude: float
    longitude: float
    away_km: float | None
    """From the place asked about."""
    night: date
    """The date of its evening at the site."""
    starts_at: UtcDatetime
    """Its first clear dark hour."""
    clear_dark_hours: int
    score: int
    """The mean of those hours: 0 useless, 100 perfect."""


class Stars(Interface, Protocol):
    """Sun, moon and dark skies."""

    @tool("get_sun_times", from_users=False)
    def sun_times(self, *, places: Places, days: Days) -> list[list[SunTimes]]:
        """Return the sun's times at each place on each day, both in the order asked for.

        A day is that of the place by mean solar time. Computed: it needs no site and no network.
        """
        ...

    @tool("find_sites")
    def best_sites(
        self, *, near: Around | None = None, nights: Nights = 3, limit: Limit = 10
    ) -> list[BestNight]:
        """Return the sites with clear dark hours in the days ahead, each with its best night, best first.

        A night is better with more clear dark hours, then with a higher mean score, then by nearness.
        """
        ...


class GoodNightAhead(Event, key="site"):
    """One of the next three nights at a site is forecast to have two clear dark hours or more.

    Told once for each night, when a forecast first says so. A later forecast may differ: ask `best_sites` before going.
    """

    site: str
    """Its slug."""
    name: str
    country: str
    latitude: float
    longitude: float
    night: date
    """The date of its evening at the site."""
    starts_at: UtcDatetime
    """Its first clear dark hour."""
    ends_at: UtcDatetime
    """The end of its last one; there may be others in between."""
    clear_dark_hours: int
    score: int
    """The mean of those hours: 0 useless, 100 perfect."""
