"""What the months are usually like in the fixture's weather."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from apps.stars.forecast.fixture import weather_at
from apps.stars.models import Site
from apps.stars.nights import DARK_DEG
from apps.stars.scoring import CLEAR_PCT
from apps.stars.services import UsualMonth
from apps.stars.sky import Body, Place, altitude_deg, ut_of

MADE_UP: Final = "made up, as the fixture forecast is"
_DAYS: Final = (8, 23)  # two days stand for a month


def usual_months(site: Site, year: int) -> list[UsualMonth]:
    """Return the months that have dark hours, by the cloud in those hours."""
    clouds = {month: list(_clouds(site, year, month)) for month in range(1, 13)}
    return [
        UsualMonth(
            month=month,
            cloud_pct=round(sum(found) / len(found), 1),
            clear_dark_pct=round(100 * sum(cloud < CLEAR_PCT for cloud in found) / len(found), 1),
        )
        for month, found in clouds.items()
        if found
    ]


def _clouds(site: Site, year: int, month: int) -> Iterator[float]:
    place = Place(site.latitude, site.longitude)
    for day in _DAYS:
        for hour in range(24):
            at = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hour)
            if altitude_deg(Body.SUN, ut_of(at), place) < DARK_DEG:
                yield weather_at(at, site.latitude, site.longitude, site.elevation_m).cloud_pct
