"""A forecast that is clear when a test wants it to be."""

from datetime import datetime, timedelta

from apps.stars.forecast.port import Forecast
from apps.stars.weather import HOUR, Weather


class ClearOn:
    """A forecast whose only clear nights are those of given days, by universal time less twelve hours."""

    name = "clear"

    def __init__(self, *days: int) -> None:
        self.days = days

    def fetch(
        self, *, latitude: float, longitude: float, elevation_m: float, last_modified: str, now: datetime
    ) -> Forecast:
        first = now.replace(minute=0)
        return Forecast(hours=tuple(self._weather(first + HOUR * n) for n in range(120)), expires=now)

    def _weather(self, at: datetime) -> Weather:
        cloud = 0 if (at - timedelta(hours=12)).day in self.days else 90
        return Weather(starts_at=at, temp_c=5, humidity_pct=50, wind_kmh=5, cloud_pct=cloud)

    def close(self) -> None:
        """Nothing is held."""
