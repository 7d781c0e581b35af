"""Sites that tests make."""

from datetime import UTC, datetime
from typing import Any, Final

from apps.stars import services
from apps.stars.models import Site

NOW: Final = datetime(2026, 11, 21, 12, 20, tzinfo=UTC)


def make_site(
    name: str = "Kielder",
    *,
    latitude: float = 55.232,
    longitude: float = -2.616,
    time_zone: str = "Europe/London",
    now: datetime = NOW,
    **more: Any,
) -> Site:
    return services.add_site(
        name=name, latitude=latitude, longitude=longitude, time_zone=time_zone, now=now, **more
    )
