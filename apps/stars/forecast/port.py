"""The port that every forecast source stands behind."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.stars.weather import Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One answer of a provider; `hours` is empty when it says that nothing changed."""

    unchanged: bool = False  # the source still stands by what it said before
    hours: tuple[Weather, ...] = ()
    refused: tuple[str, ...] = ()  # items that could not be read, each with its reason
    expires: datetime | None = None  # do not ask again before
    last_modified: str = ""  # to be sent back with the next question


class ForecastProvider(Protocol):
    """Asks for the weather at a place."""

    @property
    def name(self) -> str:
        """What commands and the API call it."""
        ...

    def fetch(
        self, *, latitude: float, longitude: float, elevation_m: float, last_modified: str, now: datetime
    ) -> Forecast:
        """Return hourly weather from `now` on for degrees and metres.

        `last_modified` is what the last answer said, or empty. Raises ForecastError when there is no answer.
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
