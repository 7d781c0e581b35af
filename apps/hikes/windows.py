"""When the weather of a walk is good enough to go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

HOUR: Final = timedelta(hours=1)
HORIZON: Final = timedelta(days=7)  # beyond it a forecast is a guess
MAX_PRECIP_MM: Final = 2.0
MAX_WIND_KMH: Final = 80.0

# What a reading can be at all; anything else is a broken item. The database checks the same bounds.
TEMP_C: Final = (-90.0, 60.0)
PRECIP_MM: Final = (0.0, 500.0)
WIND_KMH: Final = (0.0, 500.0)
CLOUD_PCT: Final = (0.0, 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """One hour's forecast; raises ValueError when a reading cannot be true."""

    starts_at: datetime  # aware, on the hour
    temp_c: float
    precip_mm: float  # the hour's sum
    wind_kmh: float
    cloud_pct: float

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None:
            raise ValueError(f"starts_at has no time zone: {self.starts_at}")
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:  # NaN neither
                raise ValueError(f"{name} is {value}, expected {low:g} to {high:g}")


_BOUNDS: Final = {"temp_c": TEMP_C, "precip_mm": PRECIP_MM, "wind_kmh": WIND_KMH, "cloud_pct": CLOUD_PCT}


@dataclass(frozen=True, slots=True)
class Light:
    """A time throughout which it is light."""

    begins: datetime
    ends: datetime


def is_viable(
    *, starts_at: datetime, precip_mm: float, wind_kmh: float, now: datetime, light: Sequence[Light]
) -> bool:
    """Say whether the hour from `starts_at` is good: light throughout, dry, calm and not too far ahead."""
    if precip_mm > MAX_PRECIP_MM or wind_kmh > MAX_WIND_KMH:
        return False
    if not now - HOUR < starts_at <= now + HORIZON:
        return False
    return any(span.begins <= starts_at and starts_at + HOUR <= span.ends for span in light)


def local_day(at: datetime, *, longitude: float) -> date:
    """Return the calendar day at a place by mean solar time, so that no day is split by UTC's midnight."""
    return (at.astimezone(UTC) + timedelta(hours=longitude / 15)).date()
