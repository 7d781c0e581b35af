"""When it is light at walks: asked of stars, for many places and days at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from apps.hikes.errors import DaylightError
from apps.hikes.windows import Light
from contracts.stars import Place, Stars, SunTimes
from monolith.contracts import CallError, InvalidResult, require

MAX_PLACES: Final = 100  # of one question; stars takes 200, and a question should be a matter of a second


def ask_daylight(
    places: Sequence[tuple[float, float]], *, start: datetime, end: datetime
) -> list[list[Light]]:
    """Return when it is light between two moments at each place, given in degrees north and east.

    At most `MAX_PLACES` places. Raises DaylightError when stars cannot be asked.
    """
    # A place's own days begin up to twelve hours before or after those of universal time.
    first, last = (start - timedelta(hours=12)).date(), (end + timedelta(hours=12)).date()
    days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    try:
        found = require(Stars).sun_times(
            places=[Place(latitude=latitude, longitude=longitude) for latitude, longitude in places],
            days=days,
        )
    except (CallError, InvalidResult) as error:
        raise DaylightError(
            f"stars could not be asked when it is light, so the windows stay: {type(error).__name__}: {error}"
        ) from error
    return [_joined(times) for times in found]


def _joined(days: Sequence[SunTimes]) -> list[Light]:
    """Return the light of days that follow each other; under the midnight sun they touch, and become one."""
    joined: list[Light] = []
    for day in days:
        if day.up_from is None or day.up_until is None:
            continue
        if joined and joined[-1].ends == day.up_from:
            joined[-1] = Light(joined[-1].begins, day.up_until)
        else:
            joined.append(Light(day.up_from, day.up_until))
    return joined
