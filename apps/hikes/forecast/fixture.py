"""Weather that is made up, and the same for everyone who asks about the same place and hour."""

import hashlib
from datetime import UTC, datetime, timedelta
from math import cos, pi, radians
from typing import Final

from apps.hikes.forecast.port import Forecast
from apps.hikes.windows import HOUR, Weather

HOURS: Final = 8 * 24
VALID_FOR: Final = timedelta(hours=6)
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
            hours=tuple(_weather(at, latitude, longitude, elevation_m) for at in hours),
            expires=now + VALID_FOR,
        )

    def close(self) -> None:
        """Nothing is held."""


def _weather(at: datetime, latitude: float, longitude: float, elevation_m: float) -> Weather:
    # One mood per day and region, so that neighbouring walks share their weather and days differ.
    mood = _share(f"{at:%Y-%m-%d} {latitude:.0f} {longitude:.0f}")
    hour = _share(f"{at:%Y-%m-%dT%H} {latitude:.2f} {longitude:.2f}")
    season = -cos(2 * pi * (at.timetuple().tm_yday - 15) / 365) * (1 if latitude >= 0 else -1)
    afternoon = cos(2 * pi * (at.hour + longitude / 15 - 15) / 24)
    sea_level_c = 28 * cos(radians(latitude)) - 6 + 6 * season + 3 * afternoon + 4 * (hour - 0.5)
    return Weather(
        starts_at=at,
        temp_c=round(sea_level_c - LAPSE_C_PER_M * elevation_m, 1),
        precip_mm=round(max(0.0, (mood - 0.45) * 5 + (hour - 0.5) * 2), 1),
        wind_kmh=round(8 + 45 * mood + 25 * hour + (30 if mood > 0.9 else 0), 1),
        cloud_pct=round(min(100.0, max(0.0, 120 * mood - 10 + 40 * (hour - 0.5))), 1),
    )


def _share(key: str) -> float:
    """Return a number from 0 to 1 that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 0xFFFFFFFF
