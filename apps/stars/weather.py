"""What a forecast says of one hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from typing import Final

HOUR: Final = timedelta(hours=1)

# What a reading can be at all; anything else is a broken item. The database checks the same bounds.
TEMP_C: Final = (-90.0, 60.0)
HUMIDITY_PCT: Final = (0.0, 100.0)
WIND_KMH: Final = (0.0, 500.0)
CLOUD_PCT: Final = (0.0, 100.0)

_MAGNUS_B: Final = 17.625
_MAGNUS_C: Final = 243.04  # degrees Celsius
_DRIEST_PCT: Final = 1.0  # the logarithm of nought has no value; no open air is drier


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """One hour's forecast; raises ValueError when a reading cannot be true."""

    starts_at: datetime  # aware, on the hour
    temp_c: float
    humidity_pct: float
    wind_kmh: float
    cloud_pct: float

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None:
            raise ValueError(f"starts_at has no time zone: {self.starts_at}")
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:  # NaN neither
                raise ValueError(f"{name} is {value}, expected {low:g} to {high:g}")


_BOUNDS: Final = {
    "temp_c": TEMP_C,
    "humidity_pct": HUMIDITY_PCT,
    "wind_kmh": WIND_KMH,
    "cloud_pct": CLOUD_PCT,
}


def dew_spread_c(*, temp_c: float, humidity_pct: float) -> float:
    """Return by how many degrees the air is warmer than its dew point; lenses fog up as it nears nought.

    Magnus' formula with the constants of Alduchov and Eskridge (1996), within 0.4 % from -40 to 50 degrees.
    """
    gamma = log(max(humidity_pct, _DRIEST_PCT) / 100) + _MAGNUS_B * temp_c / (_MAGNUS_C + temp_c)
    return temp_c - _MAGNUS_C * gamma / (_MAGNUS_B - gamma)
