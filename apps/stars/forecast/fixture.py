"""Weather that is made up, and the same for everyone who asks about the same place and hour."""

import hashlib
from datetime import UTC, datetime, timedelta
from math import cos, pi, radians
from typing import Final

from apps.stars.forecast.port import Forecast
from apps.stars.weather import HOUR, Weather

HOURS: Final = 8 * 24
VALID_FOR: Final = timedelta(hours=3)
LAPSE_C_PER_M: Final = 0.0065
"""Standard atmosphere, ISO 2533: the air cools by 6.5 degrees for every kilometre up."""


class FixtureForecast:
    """Deterministic weather from date and place: no network, always current."""

    name = "fixture"

    def fetch(
        self, *, latitude: float, longitude: float, elevation_m: float, last_modified: str, now: datetime
    ) -> Forecast:
        first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        hours = (first + HOUR * offset for offset in range(HOURS))
        return Forecast(
            hours=tuple(weather_at(at, latitude, longitude, elevation_m) for at in hours),
            expires=now + VALID_FOR,
        )

    def close(self) -> None:
        """Nothing is held."""


def weather_at(at: datetime, latitude: float, longitude: float, elevation_m: float) -> Weather:
    """Return the made-up weather of the hour from `at`, a moment in UTC."""
    # One mood per night and region, so that neighbouring sites share their weather and nights differ.
    local = at + timedelta(hours=longitude / 15)
    mood = _share(f"{local - timedelta(hours=12):%Y-%m-%d} {latitude:.0f} {longitude:.0f}")
    hour = _share(f"{at:%Y-%m-%dT%H} {latitude:.2f} {longitude:.2f}")
    season = -cos(2 * pi * (at.timetuple().tm_yday - 15) / 365) * (1 if latitude >= 0 else -1)
    afternoon = cos(2 * pi * (local.hour - 15) / 24)
    sea_level_c = 28 * cos(radians(latitude)) - 6 + 6 * season + 3 * afternoon + 4 * (hour - 0.5)
    return Weather(
        starts_at=at,
        temp_c=round(sea_level_c - LAPSE_C_PER_M * elevation_m, 1),
        humidity_pct=round(min(100.0, 35 + 45 * mood + 20 * hour), 1),
        wind_kmh=round(4 + 30 * mood + 20 * hour, 1),
        cloud_pct=round(min(100.0, max(0.0, 130 * mood - 45 + 30 * (hour - 0.5))), 1),
    )


def _share(key: str) -> float:
    """Return a number from 0 to 1 that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 0xFFFFFFFF
